"""A fill survives typing only if the user types the fill's own beginning."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgls.policy.stale import rebase
from dgls.text.spans import Edit, Span, apply_edits
from tests.support.marks import read_marks
from tests.support.texts import edits_of, texts


@pytest.mark.parametrize(
    ("marked", "fill", "newer", "left"),
    [
        pytest.param("x = ⟦⟧\n", "foo(a)", "x = ⟦⟧\n", "foo(a)", id="nothing happened"),
        pytest.param("x = ⟦⟧\n", "foo(a)", "x = fo⟦⟧\n", "o(a)", id="two letters typed"),
        pytest.param("x = ⟦⟧\n", "foo(a)", "x = foo(a)⟦⟧\n", None, id="all typed"),
        pytest.param("x = ⟦⟧\n", "foo(a)", "x = fa⟦⟧\n", None, id="something else typed"),
        pytest.param("x = ⟦⟧\n", "foo(a)", "x =⟦⟧\n", None, id="something deleted"),
        pytest.param("x = ⟦⟧\n", "foo(a)", "y = f⟦⟧\n", None, id="changed before"),
        pytest.param("x = ⟦⟧\n", "foo(a)", "x = f⟦⟧\n\n", None, id="changed after"),
        pytest.param("x = ⟦⟧\n", "foo(a)", "x = foo(⟦⟧)\n", "a", id="a bracket closed itself"),
        pytest.param(
            "x = ⟦⟧\n",
            "foo('a')",
            "x = foo('⟦⟧')\n",
            "a",
            id="a bracket and a quote closed themselves",
        ),
        pytest.param("x = ⟦⟧\n", "foo(a).b", "x = foo(⟦⟧)\n", None, id="the fill continues after"),
        pytest.param("x = ⟦⟧\n", "foo(a)", "x = foo)⟦⟧\n", "(a", id="a bracket typed too soon"),
        pytest.param("x = ⟦⟧\n", "f()", "x = f(⟦⟧)\n", None, id="nothing left inside"),
        pytest.param("x = ⟦1⟧\n", "2", "x = ⟦1⟧\n", "2", id="a selection left alone"),
        pytest.param("x = ⟦1⟧\n", "12", "x = 1⟦⟧\n", "12", id="only the marks differ"),
        pytest.param("x = ⟦1⟧\n", "23", "x = 2⟦⟧\n", None, id="a selection typed over"),
        pytest.param("x = ⟦⟧\r\n", "[\r\n    1]", "x = [\r\n    ⟦⟧\r\n", "1]", id="CRLF"),
        pytest.param("x = ⟦⟧\n", "", "x = ⟦⟧\n", None, id="an empty fill"),
    ],
)
def test_the_rest_of_a_fill_after_typing(
    marked: str, fill: str, newer: str, left: str | None
) -> None:
    text, (gap,) = read_marks(marked)
    now, (cursor,) = read_marks(newer)
    assert rebase(text, gap, fill, now) == left
    if left is not None and len(gap) == 0 and cursor.start:
        # Typing further leads to the suggested text.
        suggested = apply_edits(text, [Edit(gap, fill)])
        assert suggested in {
            apply_edits(now, [Edit(Span(at, at), left)]) for at in range(len(now) + 1)
        }


@settings(max_examples=200)
@given(st.data(), texts, texts.filter(bool))
def test_typing_along_leaves_exactly_the_rest(data: st.DataObject, text: str, fill: str) -> None:
    at = data.draw(st.integers(0, len(text)))
    typed = data.draw(st.integers(0, len(fill) - 1))
    newer = apply_edits(text, [Edit(Span(at, at), fill[:typed])])
    left = rebase(text, Span(at, at), fill, newer)
    assert left == fill[typed:]


@settings(max_examples=200)
@given(st.data(), texts, texts, st.sampled_from(["", "", ")", "]", "'", "'])", "x", "\n"]))
def test_the_rest_always_completes_to_the_suggestion(
    data: st.DataObject, text: str, fill: str, closers: str
) -> None:
    at = data.draw(st.integers(0, len(text)))
    typed = fill[: data.draw(st.integers(0, len(fill)))] + closers
    newer = text[:at] + typed + text[at:]
    if data.draw(st.booleans()):
        newer = apply_edits(newer, data.draw(edits_of(newer, most=1)))
    left = rebase(text, Span(at, at), fill, newer)
    if left is not None:
        suggested = text[:at] + fill + text[at:]
        assert suggested in {newer[:to] + left + newer[to:] for to in range(at, len(newer) + 1)}
