"""A fill may finish broken code but not break it further."""

from __future__ import annotations

import pytest

from dgls.syntax.guard import Damage, damage, keeps_syntax
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text.spans import Edit
from tests.support.marks import read_marks

PYTHON = language_of("a.py")

KEPT = [
    ("x = ⟦⟧\n", "1"),
    ("x = f(⟦⟧)\n", "a, b"),
    ("x = f(⟦⟧", "a)"),
    ("x = f(⟦⟧\n\ndef g():\n    return 1\n", "a, b)"),
    ("def f():\n    ⟦⟧\n", "return 1"),
    ("def f():\n    return ⟦⟧\n\n\nx = (\n", "1"),
    ("def ⟦⟧\n    return a\n", "f(a):"),
    ("if a⟦⟧\n    b()\n", ":"),
    ("x = '⟦⟧\ny = 1\n", "a'"),
    ("⟦pass⟧\n", "x = 1\ny = 2"),
    ("def f():⟦⟧\n", ""),
    ("def f():\n    x = 1\n    i⟦⟧\n\ny = 2\n", "f x:"),
    ("def f():\n    x = 1⟦⟧\n\ny = 2\n", "\n    if x:"),
    ("if a:\n    ⟦⟧\n    c()\n", "if b:"),
    ("x = ⟦1⟧\r\ny = '😀'\r\n", "[\r\n    2,\r\n]"),
]
BROKEN = [
    ("x = 1⟦⟧\n", ")"),
    ("x = f(⟦⟧)\n", "a)"),
    ("x = f(⟦⟧)\n", "a, ("),
    ("def f():\n    return ⟦1⟧\n", "1 1"),
    ("⟦x⟧ = 1\ny = 2\n", '"""'),
    ("x = f(⟦⟧\n\ndef g():\n    return 1\n", 'a, """'),
    ("def f():\n    x = 1⟦⟧\n\ny = 2\n", "\n    if x:\n    return x"),
    ("def f():\n    ⟦pass⟧\n", ""),
    ("def f():\n    ⟦pass⟧\n", "# nothing"),
    ("for a in b:\n    ⟦⟧c()\n", "if a:\n    "),
]


@pytest.mark.parametrize(("marked", "fill"), KEPT)
def test_a_fill_that_keeps_the_syntax(marked: str, fill: str) -> None:
    text, (span,) = read_marks(marked)
    assert keeps_syntax(Source.parse(text, PYTHON), [Edit(span, fill)])


@pytest.mark.parametrize(("marked", "fill"), BROKEN)
def test_a_fill_that_breaks_the_syntax(marked: str, fill: str) -> None:
    text, (span,) = read_marks(marked)
    assert not keeps_syntax(Source.parse(text, PYTHON), [Edit(span, fill)])


@pytest.mark.parametrize("around", ["def before():\n    x = (1, 2)\n\n\n", "x = 1\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_verdict_in_a_long_file_is_the_same(around: str, end: str) -> None:
    around = (around * 1_800).replace("\n", end)
    for cases, verdict in ((KEPT, True), (BROKEN, False)):
        for marked, fill in cases:
            text, (span,) = read_marks(around + marked.replace("\n", end) + around)
            source = Source.parse(text, PYTHON)
            assert keeps_syntax(source, [Edit(span, fill.replace("\n", end))]) is verdict, marked


def test_several_edits_are_judged_together() -> None:
    text, spans = read_marks("x = ⟦⟧1, 2⟦⟧\ny = ⟦3⟧\n")
    source = Source.parse(text, PYTHON)
    both = [Edit(spans[0], "("), Edit(spans[1], ")"), Edit(spans[2], "4")]
    assert keeps_syntax(source, both)
    assert not keeps_syntax(source, both[1:])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\n", Damage(0, 0)),
        ("x = 1\n)\n", Damage(1, 1)),
        ("x = 'é'\nf(\n", Damage(1, 2)),
        ("def f(:\n    x\n", Damage(1, 0)),
        ("x = 1\n)\ny = 2\n]\n", Damage(2, 2)),
    ],
)
def test_damage_counts_errors_and_what_they_cover(text: str, expected: Damage) -> None:
    assert damage(Source.parse(text, PYTHON)) == expected
