"""When the model is asked automatically, after what pause, and for how many lines."""

from __future__ import annotations

import pytest

from dgls.policy.ask import Moment, lines_wanted, next_gap, why_not_ask
from dgls.policy.rhythm import BREAK_MS, Rhythm, delay_ms
from dgls.policy.silence_reasons import Silence
from dgls.syntax.languages.python import PYTHON
from tests.support.marks import cursor_of


@pytest.mark.parametrize(
    ("marked", "deleted", "reason"),
    [
        pytest.param("x = ⟦⟧", False, None, id="the end of a line"),
        pytest.param("x = pri⟦⟧", False, None, id="the end of a word"),
        pytest.param("x = pri⟦⟧()", False, None, id="after a word"),
        pytest.param("x = ⟦⟧price", False, None, id="before a word"),
        pytest.param("x = pri⟦⟧ce", False, Silence.INSIDE_WORD, id="inside a word"),
        pytest.param("é⟦⟧é", False, Silence.INSIDE_WORD, id="inside a word of any letters"),
        pytest.param("x = ⟦⟧", True, Silence.DELETED, id="the suggestion was deleted"),
    ],
)
def test_the_rules_for_not_asking(marked: str, deleted: bool, reason: Silence | None) -> None:
    line, cursor = cursor_of(marked)
    assert why_not_ask(Moment(line[:cursor], line[cursor:], deleted)) is reason


@pytest.mark.parametrize(
    ("marked", "lines"),
    [
        pytest.param("def f():\n    ⟦⟧\n", 5, id="below a header"),
        pytest.param("def f():⟦⟧\n", 5, id="after a header"),
        pytest.param("def f():  # why\n    ⟦⟧", 5, id="below a header with a comment"),
        pytest.param("x = 1\n⟦⟧\n", 1, id="below a statement"),
        pytest.param("x = ⟦⟧\n", 1, id="in a statement"),
        pytest.param("def f():\n    x⟦⟧\n", 1, id="the body has begun"),
        pytest.param("if x:⟦⟧ pass\n", 1, id="in the middle of a line"),
        pytest.param("⟦⟧", 1, id="an empty file"),
    ],
)
def test_several_lines_are_requested_where_a_block_opens(marked: str, lines: int) -> None:
    text, cursor = cursor_of(marked)
    tail = text[cursor:].partition("\n")[0]
    assert lines_wanted(text[:cursor], tail, PYTHON.block_opener, 5) == lines


def typed(*intervals: float) -> Rhythm:
    rhythm, now = Rhythm(), 0.0
    for interval in (0.0, *intervals):
        now += interval
        rhythm = rhythm.pressed(now)
    return rhythm


FAST, SLOW = typed(*[80.0] * 22, *[160.0] * 3), typed(*[300.0] * 22, *[600.0] * 3)


@pytest.mark.parametrize(
    ("rhythm", "in_word", "expected"),
    [
        pytest.param(Rhythm(), True, 240.0, id="no rhythm known yet"),
        pytest.param(FAST, True, 160.0, id="a fast typist stops"),
        pytest.param(SLOW, True, 400.0, id="the longest wait"),
        pytest.param(typed(*[5.0] * 30), True, 30.0, id="the shortest wait"),
        pytest.param(FAST, False, 30.0, id="a fast typist between words"),
        pytest.param(SLOW, False, 30.0, id="a slow typist between words"),
    ],
)
def test_the_wait_is_a_pause_within_a_word_and_short_between_words(
    rhythm: Rhythm, in_word: bool, expected: float
) -> None:
    assert delay_ms(rhythm, in_word=in_word, shortest_ms=30.0, longest_ms=400.0) == expected


@pytest.mark.parametrize(
    ("line_head", "in_word"),
    [
        *((head, False) for head in ("", "    ", "x = ", "f(", "self.")),
        *((head, True) for head in ("retu", "x1", "_", "größe")),
    ],
)
def test_the_cursor_is_in_a_word_after_its_letters(line_head: str, in_word: bool) -> None:
    assert Moment(line_head, "").in_word is in_word


def test_a_break_does_not_count_for_the_rhythm() -> None:
    assert typed(100.0, BREAK_MS + 1, 120.0).intervals == (100.0, 120.0)


@pytest.mark.parametrize(
    ("line", "tail", "prefix", "expected"),
    [
        pytest.param("    x = 1", "", "", "\n    ", id="the line is complete"),
        pytest.param("    if x:", "", "", "\n        ", id="a block opens"),
        pytest.param("\tif x:", "", "if y:\n\tif x:", "\n\t\t", id="in a file of tabs"),
        pytest.param("  if x:", "", "if y:\n  if x:", "\n    ", id="in a file of two spaces"),
        pytest.param("f(a", ")", "", "", id="in the middle of a line"),
        pytest.param("if x:\n    y = 1", "", "", "\n    ", id="a suggestion of two lines"),
    ],
)
def test_the_next_gap_is_expected_after_the_accepted_text(
    line: str, tail: str, prefix: str, expected: str
) -> None:
    assert next_gap(line, tail, prefix, PYTHON.block_opener) == expected
