"""Candidates without a model: clipped, merged, ranked, and single gaps."""

from __future__ import annotations

import pytest

from dgls.fill.ranking import Proposal, clipped, merged, ranked, single_gap
from dgls.protocol import Fill, FillRequest, Gap


@pytest.mark.parametrize(
    ("text", "lines", "expected"),
    [
        ("a\nb\nc", 1, "a"),
        ("a\nb\nc", 2, "a\nb"),
        ("a\r\nb", 1, "a"),
        ("a", 3, "a"),
        ("ab\ufffd", 1, "ab"),
        ("\n", 1, ""),
    ],
)
def test_a_text_is_clipped_to_lines_and_whole_characters(text, lines, expected):
    assert clipped(text, Gap(max_lines=lines), "known text") == expected


def test_a_document_with_replacement_characters_may_be_filled_with_them():
    assert clipped("a\ufffdb", Gap(), "x = '\ufffd'") == "a\ufffdb"


def test_equal_proposals_merge_to_the_first_name_and_any_score():
    found = merged(
        [Proposal(("a",), "noise"), Proposal(("a",), "draft", (-1.0,)), Proposal(("b",), "noise")]
    )
    assert found == [Proposal(("a",), "noise", (-1.0,)), Proposal(("b",), "noise")]


def test_earlier_candidates_win_ties():
    fills = [Fill(("a",), -2.0, 0.1), Fill(("b",), -1.0, 0.2), Fill(("c",), -1.0, 0.3)]
    assert [fill.texts[0] for fill in ranked(fills, 2, by_confidence=False)] == ["b", "c"]


def test_a_single_gap_keeps_the_surroundings_of_all_gaps():
    request = FillRequest(("b(", ", ", ")"), (Gap(), Gap()), around=("a\nb(", ")\nc"))
    assert single_gap(request, 1, ("X",)).around == ("a\nb(X, ", ")\nc")
    assert single_gap(request, 0, ()).around == ("a\nb(", ", )\nc")


def test_a_single_gap_has_earlier_gaps_filled_and_later_ones_empty():
    request = FillRequest(("a(", ") + b(", ") + c(", ")"), (Gap(), Gap(max_lines=2), Gap()))
    alone = single_gap(request, 1, ("X",))
    assert alone.parts == ("a(X) + b(", ") + c()")
    assert alone.gaps == (Gap(max_lines=2),)
