"""Candidates are ranked by the judge, and an empty one is the last resort."""

from __future__ import annotations

from dgls.canvas.copies import Copy
from dgls.checkpoint.confidence import Evidence
from dgls.fill.ranking import COPIED, Proposal, merged, ranked
from dgls.protocol import Fill


def fill(*texts: str, score: float, confidence: float = 0.5) -> Fill:
    return Fill(texts, score, confidence)


def test_the_likeliest_comes_first_and_ties_keep_their_order() -> None:
    fills = [fill("a", score=-3), fill("b", score=-1), fill("c", score=-1)]
    assert [each.texts for each in ranked(fills, 2, by_confidence=False)] == [("b",), ("c",)]


def test_an_empty_fill_comes_last_even_if_likelier() -> None:
    fills = [fill("", "", score=-1), fill("a", "", score=-9), fill("b", "c", score=-8)]
    texts = [each.texts for each in ranked(fills, 3, by_confidence=False)]
    assert texts == [("b", "c"), ("a", ""), ("", "")]


def test_a_fitted_confidence_ranks_before_the_score() -> None:
    fills = [fill("a", score=-1, confidence=0.2), fill("b", score=-9, confidence=0.7)]
    assert [each.texts for each in ranked(fills, 2, by_confidence=True)] == [("b",), ("a",)]
    assert [each.texts for each in ranked(fills, 2, by_confidence=False)] == [("a",), ("b",)]


def test_equal_texts_merge_into_one_proposal_with_all_evidence() -> None:
    copy = Copy("x", left=9, likeness=1.0, votes=2, places=3, renamed=False)
    drafted = Proposal(("x",), "draft", (-0.5,))
    (one,) = merged([drafted, Proposal(("x",), COPIED, copy=copy)])
    assert one == Proposal(("x",), "draft", (-0.5,), copy)
    assert one.evidence() == Evidence(-0.5, 1, drafted=True, copy=copy)
