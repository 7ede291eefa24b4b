"""An answer adds no second closing bracket after one that the editor inserted."""

from __future__ import annotations

import pytest

from dgls.sound.clean import sound
from dgls.sound.site import Site, Wanted
from dgls.syntax.languages import language_of

INDEX = "def f(a, x):\n    i = g(a, x)\n    if i != len(a) and a[⟦⟧]\n\n\ndef h(): ...\n"
STARTS = "int f(char *s, char *p)\n{\n  return strncmp(⟦⟧)\n}\n"


@pytest.mark.parametrize(
    ("path", "text", "answer", "kept"),
    [
        ("a.py", INDEX, "i] == x:", "i"),
        ("a.py", "x = f(⟦⟧)\n", "a) + g(b", "a) + g(b"),
        ("a.py", "x = f(g(⟦⟧)\n", "a)", "a)"),
        ("a.py", "x = f(⟦⟧, b)\n", "')'", "')'"),
        ("a.c", STARTS, "s, p, strlen(p)) == 0;", "s, p, strlen(p)"),
        ("a.js", "const a = b.map(⟦⟧)\n", "(c) => c.d);", "(c) => c.d"),
        ("a.js", "f([1, ⟦⟧])\n", "2]);", "2"),
        ("a.rs", "fn f() {\n    assert_eq!(g(⟦⟧))\n}\n", "1), 2);", "1"),
        ("a.go", "func f() {\n\tx := g(⟦⟧)\n}\n", "a)\n\ty := 1", "a"),
        ("a.sh", "case $x in\n⟦⟧ # (1)\nesac\n", "a) echo 1 ;;", "    a) echo 1 ;;"),
    ],
)
def test_a_bracket_is_closed_once(path: str, text: str, answer: str, kept: str) -> None:
    prefix, suffix = text.split("⟦⟧")
    assert sound(Site.between(prefix, suffix, language_of(path), Wanted()), answer).text == kept
