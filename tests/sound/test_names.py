"""Which names a part of a document binds."""

from __future__ import annotations

import pytest

from dgls.sound.rewrite import bound_names
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.spans import Span


@pytest.mark.parametrize(
    ("language", "text", "names"),
    [
        ("python", "def f(a, b=1):\n    c = a\n", {"f", "a", "b", "c"}),
        ("kotlin", "fun f(a: Int, b: Int): Int { return a }", {"f", "a", "b"}),
        ("ruby", "def f(a)\n  x.each { |b| b }\nend\n", {"f", "a", "b"}),
        ("rust", "fn f(a: i32) { let b = |c| c; }", {"f", "a", "b", "c"}),
        ("go", "func f(a, b int) int { c := a; return c }", {"f", "a", "b", "c"}),
        ("typescript", "function f(a: number, b?: string) {}", {"f", "a", "b"}),
        ("c", "int f(int *a, char b[]) { int c = 1; return c; }", {"f", "a", "b", "c"}),
        ("cpp", "int f(const T &a, int b = 1) { return b; }", {"f", "a", "b"}),
        ("csharp", "class A { int F(int b) { int c = b; return c; } }", {"A", "F", "b", "c"}),
        ("php", "<?php function f(int $a, $b = 1) {}", {"f", "$a", "$b"}),
        ("java", "class A { int f(int b) { int c = b; return c; } }", {"A", "f", "b", "c"}),
    ],
)
def test_parameters_are_names_in_every_language(language: str, text: str, names: set[str]) -> None:
    source = Source.parse(text, language_named(language))
    assert bound_names(source, Span(0, len(text))) == names
