"""Shown text adds something, and only at the cursor; otherwise there is a named reason."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgls.policy.show import may_replace, remainder, shown_text, shown_when_explicit
from dgls.policy.silence_reasons import Silence
from dgls.protocol import Fill
from dgls.sound.site import Purpose, Site, Wanted
from dgls.syntax.languages import language_of
from tests.support.marks import cursor_of
from tests.support.texts import texts

MANY = 100
PYTHON = language_of("a.py")


def verdict(marked: str, fill: str, multiline: bool = True) -> str | Silence:
    """The shown part of a fill at the cursor of a marked text, with enough confidence."""
    text, cursor = cursor_of(marked)
    return between(fill, text[:cursor], text[cursor:], 0.7, multiline)


def between(
    fill: str, prefix: str, suffix: str, confidence: float, multiline: bool = True
) -> str | Silence:
    wanted = Wanted(Purpose.AUTOMATIC, MANY if multiline else 1)
    site = Site.between(prefix, suffix, PYTHON, wanted)
    return shown_text(fill, site, confidence=confidence, threshold=0.6)


def shown(marked: str, fill: str, multiline: bool = True) -> str | None:
    """As `verdict`, with None for every reason."""
    found = verdict(marked, fill, multiline)
    return None if isinstance(found, Silence) else found


@pytest.mark.parametrize(
    ("marked", "fill", "expected"),
    [
        pytest.param("x = ⟦⟧\n", "1", "1", id="the end of a line"),
        pytest.param("x = ⟦⟧", "1\n", "1", id="no final newline"),
        pytest.param("⟦⟧", "import os", "import os", id="an empty document"),
        pytest.param("x = ⟦⟧\n", "", None, id="nothing"),
        pytest.param("x = ⟦⟧\n", " \n\t\n", None, id="white space"),
        pytest.param("x = 1\n⟦⟧\n", "y = 2  ", "y = 2", id="white space at the end goes"),
        pytest.param("x⟦⟧\n", " = 1", " = 1", id="white space at the beginning stays"),
        pytest.param("f(x⟦⟧ + 1)\n", "[0] ", "[0]", id="no two spaces before what follows"),
        pytest.param("x = ⟦⟧b\n", "a + ", "a + ", id="a space before a word stays"),
        pytest.param("f(⟦⟧)\n", "a, b)", "a, b", id="a bracket already there"),
        pytest.param("f(⟦⟧)\n", ")", None, id="only a bracket already there"),
        pytest.param("f([⟦⟧])\n", "])", None, id="only two brackets already there"),
        pytest.param("f(g(⟦⟧)\n", "x)", "x)", id="a missing bracket stays"),
        pytest.param("f(g(⟦⟧))\n", "x)", "x", id="one of two brackets already there"),
        pytest.param("f(\n    g(⟦⟧)\n)\n", "x)", "x", id="a bracket on the next line"),
        pytest.param("x = '⟦⟧'\n", "abc'", "abc", id="a quote already there"),
        pytest.param("x = '⟦⟧'\n", "a' + 'b", "a' + 'b", id="quotes in pairs stay"),
        pytest.param("for ⟦⟧ in items:\n", "x in items:", "x", id="words already there"),
        pytest.param(
            "y = my_itemsitems\nx = ⟦⟧items\n",
            "my_items",
            "my_items",
            id="a word that only ends alike",
        ),
        pytest.param(
            "y = my_ititems\nx = ⟦⟧items\n", "my_it", "my_it", id="a word that only begins alike"
        ),
        pytest.param("f(⟦⟧x)\n", "x", None, id="only a word already there"),
        pytest.param("f(⟦⟧x)\n", "a, x", "a, ", id="a word already there"),
        pytest.param("⟦⟧x + 1\n", "x = x + 1", "x = ", id="the rest of the line"),
        pytest.param("x = ⟦⟧.strip()\n", "y.strip()", "y", id="a call already there"),
        pytest.param("f(⟦⟧)\n", "a,\n  b", "a,", id="one line in the middle of a line"),
        pytest.param("f(⟦⟧)\n", "\n    a", None, id="no new line in the middle of a line"),
        pytest.param(
            "x = [⟦⟧  \n]\n", "\n    1,\n", "\n    1,", id="blanks do not count as the middle"
        ),
        pytest.param("x = [\n    1,⟦⟧\n]\n", "\n]", None, id="the closer of the next line"),
        pytest.param("x = [\n    1,⟦⟧\n]\n", " 2,\n]", " 2,", id="a last line already there"),
        pytest.param(
            "def f():\n    ⟦⟧\n\n    return x\n",
            "x = 1\n    return x",
            "x = 1",
            id="the next line is there",
        ),
        pytest.param("⟦⟧\nimport sys\n", "import sys", None, id="all of it is there"),
        pytest.param(
            "    ⟦⟧\n    a()\n    b()\n", "a()\n    b()\n", None, id="two lines are there"
        ),
        pytest.param(
            "    ⟦⟧\n    b()\n",
            "a()\n    b()\n    c()",
            "a()\n    b()\n    c()",
            id="a next line that is not the fill's last",
        ),
        pytest.param(
            "if a:\n    ⟦⟧\nb\n", "b", "b", id="a line indented differently is another line"
        ),
        pytest.param("x = 1\n⟦⟧\n", "x = 1", None, id="the line above again"),
        pytest.param("x = 1\n\nx = ⟦⟧\n", "1", None, id="the line above finished again"),
        pytest.param("x = 1⟦⟧\n", "\nx = 1", None, id="the cursor's line again"),
        pytest.param("x(1)\nx(⟦⟧)\n", "1", None, id="with what follows the cursor"),
        pytest.param("f(1)\n⟦⟧\n", "f(1)\nf(2)", None, id="a block that begins the same way"),
        pytest.param(
            "x = [\n  [[1],\n  ],\n⟦⟧\n", "  ],  # x", "  ],  # x", id="brackets may repeat"
        ),
        pytest.param("x = f(⟦⟧", "a), b)", "a), b", id="a bracket that closes nothing"),
        pytest.param("x = f([⟦⟧", "a), b)", "a", id="a bracket of the wrong kind"),
        pytest.param("x = f(⟦⟧", '":)")', '":)")', id="a bracket in a string is text"),
        pytest.param("if x:\n\ta()\n⟦⟧\n", "if y:\n    b()", "if y:\n\tb()", id="spaces to tabs"),
        pytest.param("if x:\n  a()\n⟦⟧\n", "if y:\n\tb()", "if y:\n  b()", id="tabs to spaces"),
        pytest.param("⟦⟧\n", "a()\na()\na()", "a()", id="a fill that repeats itself"),
        pytest.param("[⟦⟧\n", "[\n1,\n],\n],", "[\n1,\n],\n],", id="brackets in a fill too"),
        pytest.param("x = 1\r\n⟦⟧\r\n", "y\r\nz", "y\nz", id="CRLF"),
        pytest.param("x = '⟦⟧'\n", "😀'", "😀", id="astral characters"),
    ],
)
def test_a_fill_is_shown_as_far_as_it_adds_something(
    marked: str, fill: str, expected: str | None
) -> None:
    assert shown(marked, fill) == expected


@pytest.mark.parametrize(
    ("fill", "expected"), [("1\ny = 2", "1"), ("\n1", None), ("1", "1"), ("\r\n1", None)]
)
def test_only_one_line_is_shown_if_one_is_wanted(fill: str, expected: str | None) -> None:
    assert shown("x = ⟦⟧\n", fill, multiline=False) == expected


@pytest.mark.parametrize(
    ("confidence", "expected"), [(0.0, None), (0.59, None), (0.6, "1"), (1.0, "1")]
)
def test_an_unsure_fill_is_not_shown(confidence: float, expected: str | None) -> None:
    text = between("1", "x = ", "", confidence)
    assert text == (expected or Silence.UNSURE)


@pytest.mark.parametrize(
    ("marked", "fill", "reason"),
    [
        pytest.param("f(⟦⟧)\n", ")", Silence.EMPTY, id="the same text"),
        pytest.param("x = 1\n⟦⟧", "\n  ", Silence.EMPTY, id="white space"),
        pytest.param("x = f(a[b⟦⟧", "])", Silence.CLOSERS, id="closers"),
        pytest.param("x = {\n  1: [2⟦⟧", "],", Silence.CLOSERS, id="a closer and a comma"),
        pytest.param("x = 1\n⟦⟧\n", "x = 1", Silence.REPEATED, id="the line above"),
        pytest.param("x = pri⟦⟧ce\n", "nt_", Silence.BAD_WORD, id="a word found nowhere"),
        pytest.param("x = ⟦⟧items\n", "my_", Silence.BAD_WORD, id="a beginning of a new word"),
    ],
)
def test_silence_has_a_reason(marked: str, fill: str, reason: Silence) -> None:
    assert verdict(marked, fill) is reason


@pytest.mark.parametrize(
    ("what", "marked", "fills", "expected"),
    [
        ("the sure ones", "x = ⟦⟧\n", [("a", 0.5), ("b", 0.1)], ["a", "b"]),
        ("one that is hardly right", "x = ⟦⟧\n", [("a", 0.5), ("b", 0.01)], ["a"]),
        ("all are unsure", "x = ⟦⟧\n", [("a", 0.01), ("b", 0.01)], ["a", "b"]),
        ("the best is not sound", "x = ⟦⟧\n", [(")", 0.9), ("b", 0.01)], ["b"]),
        ("closing brackets", "x = f(a⟦⟧\n", [(")", 0.5)], [")"]),
        ("the line above", "x = f()\n⟦⟧\n", [("x = f()", 0.5), ("y = f()", 0.4)], ["y = f()"]),
        ("nothing but the line above", "x = f()\n⟦⟧\n", [("x = f()", 0.5)], Silence.REPEATED),
        ("a broken word", "x = <⟦⟧a\n", [("h", 0.5)], Silence.BAD_WORD),
    ],
)
def test_what_is_shown_when_the_user_asks(
    what: str, marked: str, fills: list[tuple[str, float]], expected: list[str] | Silence
) -> None:
    text, cursor = cursor_of(marked)
    site = Site.between(text[:cursor], text[cursor:], PYTHON, Wanted(Purpose.EXPLICIT, MANY))
    found = shown_when_explicit(site, [Fill((fill,), 0.0, sure) for fill, sure in fills])
    assert (found if isinstance(found, Silence) else list(found)) == expected


def test_a_word_may_be_completed_to_one_in_the_file() -> None:
    assert verdict("my_items = 1\nx = ⟦⟧items\n", "my_") == "my_"
    assert verdict("x = ⟦⟧items\n", "len(my) + ") == "len(my) + "


@pytest.mark.parametrize(
    ("shown", "sure", "new", "new_sure", "expected"),
    [
        pytest.param("a + b", 0.6, "a + b + c", 0.1, True, id="longer"),
        pytest.param("a + b", 0.6, "a - b", 0.7, False, id="a little surer"),
        pytest.param("a + b", 0.6, "a - b", 0.9, True, id="clearly surer"),
        pytest.param("a + b", 0.6, "a", 0.8, False, id="shorter"),
    ],
)
def test_a_shown_text_is_replaced_only_for_a_reason(
    shown: str, sure: float, new: str, new_sure: float, expected: bool
) -> None:
    assert may_replace(shown, sure, new, new_sure) is expected


@settings(max_examples=200)
@given(texts, texts, texts, st.booleans())
def test_the_shown_text_is_a_prefix_of_the_fill(
    fill: str, prefix: str, suffix: str, multiline: bool
) -> None:
    text = between(fill, prefix, suffix, 1.0, multiline)
    if isinstance(text, Silence):
        return
    assert text.strip()
    # White space may change: a body begins below its header, in the file's own indentation.
    assert "".join(fill.split()).startswith("".join(text.split()))
    follows = suffix.replace("\r\n", "\n").replace("\r", "\n").partition("\n")[0]
    if not multiline or follows.strip():
        assert "\n" not in text


@pytest.mark.parametrize(
    ("typed", "left"),
    [("", "foo(a)"), ("fo", "o(a)"), ("foo(a)", None), ("x", None), ("foo(a))", None)],
)
def test_typing_along_leaves_the_rest(typed: str, left: str | None) -> None:
    assert remainder("foo(a)", typed) == left
