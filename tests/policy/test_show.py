"""What is shown adds something, and only at the cursor."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgls.policy.show import remainder, shown_text
from tests.support.marks import cursor_of
from tests.support.texts import texts


def shown(marked: str, fill: str, multiline: bool = True) -> str | None:
    """What of a fill is shown at the cursor of a marked text, the confidence being enough."""
    text, cursor = cursor_of(marked)
    return shown_text(
        fill, text[:cursor], text[cursor:], multiline=multiline, confidence=0.7, threshold=0.6
    )


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
        pytest.param("f(⟦⟧)\n", "a, b)", "a, b", id="the bracket that is there"),
        pytest.param("f(⟦⟧)\n", ")", None, id="nothing but the bracket that is there"),
        pytest.param("f([⟦⟧])\n", "])", None, id="nothing but two brackets that are there"),
        pytest.param("f(g(⟦⟧)\n", "x)", "x)", id="a bracket that is missing stays"),
        pytest.param("f(g(⟦⟧))\n", "x)", "x", id="one of two brackets that are there"),
        pytest.param("f(\n    g(⟦⟧)\n)\n", "x)", "x", id="one that the next line has"),
        pytest.param("x = '⟦⟧'\n", "abc'", "abc", id="the quote that is there"),
        pytest.param("x = '⟦⟧'\n", "a' + 'b", "a' + 'b", id="quotes in pairs stay"),
        pytest.param("for ⟦⟧ in items:\n", "x in items:", "x", id="words that are there"),
        pytest.param("x = ⟦⟧items\n", "my_items", "my_items", id="a word that only ends alike"),
        pytest.param("x = ⟦⟧items\n", "my_it", "my_it", id="a word that only begins alike"),
        pytest.param("f(⟦⟧x)\n", "x", None, id="nothing but the word that is there"),
        pytest.param("f(⟦⟧x)\n", "a, x", "a, ", id="the word that is there"),
        pytest.param("⟦⟧x + 1\n", "x = x + 1", "x = ", id="the rest of the line"),
        pytest.param("x = ⟦⟧.strip()\n", "y.strip()", "y", id="a call that is there"),
        pytest.param("f(⟦⟧)\n", "a,\n  b", "a,", id="one line in the middle of a line"),
        pytest.param("f(⟦⟧)\n", "\n    a", None, id="no new line in the middle of a line"),
        pytest.param("x = [⟦⟧  \n]\n", "\n    1,\n", "\n    1,", id="blanks are no middle"),
        pytest.param("x = [\n    1,⟦⟧\n]\n", "\n]", None, id="the closer of the next line"),
        pytest.param("x = [\n    1,⟦⟧\n]\n", " 2,\n]", " 2,", id="a last line that is there"),
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
        pytest.param("if a:\n    ⟦⟧\nb\n", "b", "b", id="other indentation is another line"),
        pytest.param("x = 1\n⟦⟧\n", "x = 1", None, id="the line above again"),
        pytest.param("x = 1\n\nx = ⟦⟧\n", "1", None, id="the line above finished again"),
        pytest.param("x = 1⟦⟧\n", "\nx = 1", None, id="the cursor's line again"),
        pytest.param("x(1)\nx(⟦⟧)\n", "1", None, id="with what stands behind the cursor"),
        pytest.param("f(1)\n⟦⟧\n", "f(1)\nf(2)", None, id="a block that begins so"),
        pytest.param("x = [\n  [1],\n  ],\n  ⟦⟧\n", "],", "],", id="brackets may repeat"),
        pytest.param("⟦⟧\n", "a()\na()\na()", "a()", id="a fill that repeats itself"),
        pytest.param("⟦⟧\n", "[\n1,\n],\n],", "[\n1,\n],\n],", id="brackets in a fill too"),
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
def test_one_line_is_shown_where_one_is_wanted(fill: str, expected: str | None) -> None:
    assert shown("x = ⟦⟧\n", fill, multiline=False) == expected


@pytest.mark.parametrize(
    ("confidence", "expected"), [(0.0, None), (0.59, None), (0.6, "1"), (1.0, "1")]
)
def test_an_unsure_fill_is_not_shown(confidence: float, expected: str | None) -> None:
    text = shown_text("1", "x = ", "", multiline=True, confidence=confidence, threshold=0.6)
    assert text == expected


@settings(max_examples=200, deadline=None)
@given(texts, texts, texts, st.booleans())
def test_what_is_shown_is_a_beginning_of_the_fill(
    fill: str, prefix: str, suffix: str, multiline: bool
) -> None:
    text = shown_text(fill, prefix, suffix, multiline=multiline, confidence=1.0, threshold=0.5)
    if text is None:
        return
    assert text.strip()
    assert fill.replace("\r\n", "\n").replace("\r", "\n").startswith(text)
    if not multiline or suffix.partition("\n")[0].strip():
        assert "\n" not in text


@pytest.mark.parametrize(
    ("typed", "left"),
    [("", "foo(a)"), ("fo", "o(a)"), ("foo(a)", None), ("x", None), ("foo(a))", None)],
)
def test_typing_along_leaves_the_rest(typed: str, left: str | None) -> None:
    assert remainder("foo(a)", typed) == left
