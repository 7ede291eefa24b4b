"""The first line of an answer, and its block, get the file's own levels."""

from __future__ import annotations

import pytest

from dgls.sound.site import Wanted
from dgls.text.indentation import own_unit, unit_of
from tests.sound.marked import cleaned

PARAMETERS = "def f(a,\n        b):\n    |\n"
TABS = "def a(x):\n\tif x:\n\t\treturn 1\n\n\n"

CASES = [
    # A body is one level below the line on which its header begins.
    ("python", PARAMETERS, "return a", "return a"),
    ("python", PARAMETERS, "if a:\n        b()\n    c()", "if a:\n        b()\n    c()"),
    ("kotlin", "fun f(a: Int,\n      b: Int): Int {\n    |\n}\n", "return a", "return a"),
    # A block that was pasted keeps its unit.
    ("python", f"{TABS}def b(x):\n    y = x\n    |\n", "if x:\n        y()", "if x:\n        y()"),
    # White space that the line has already.
    ("go", "package a\n\nvar a = |\n", " 1", "1"),
    ("go", "package a\n\nfunc f() {\n\t|\n}\n", " g()", "g()"),
    ("python", "a = 1\n|\n", "    b = 2", "b = 2"),
    ("python", "if a:\n|\n", "    b()", "    b()"),
    ("python", "f(a,\n|\n", "  b)", "  b)"),
    # The answer ends at a line whose level fits no block.
    ("python", "def f():\n    |\n", "a()\n      b()\n    c()", "a()"),
    ("python", "def f():\n    |\n", "a(\n      b)\n    c()", "a(\n      b)\n    c()"),
]


@pytest.mark.parametrize(("language", "marked", "answer", "left"), CASES)
def test_an_answer_is_indented_like_its_file(
    language: str, marked: str, answer: str, left: str
) -> None:
    assert cleaned(language, marked, answer, Wanted(max_lines=8)).text == left


@pytest.mark.parametrize(
    ("before", "after", "unit"),
    [
        ("def a():\n\tb()\n\n\ndef c():\n    d()\n    ", "\n", "    "),
        ("def a():\n    b()\n\n\ndef c():\n\td()\n\t", "\n", "\t"),
        ("def a():\n    if b:\n        c()\n\n\ndef d():\n  e()\n  ", "\n", "  "),
        ("def a():\n    if b:\n        c()\n        ", "\n", None),
        ("", "", None),
    ],
)
def test_a_pasted_block_may_have_its_own_indent_unit(
    before: str, after: str, unit: str | None
) -> None:
    assert own_unit(before, after) == unit


def test_continued_parameters_do_not_count_as_indentation() -> None:
    assert unit_of("def f(a,\n        b):\n    return a\n") == "    "
