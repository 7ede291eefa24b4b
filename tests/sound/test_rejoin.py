"""An answer within a line ends where it reaches what follows there."""

from __future__ import annotations

import pytest

from dgls.sound.site import Wanted
from tests.sound.marked import cleaned

# A language, a source with the cursor at `▮`, an answer, and what may be shown of it.
CASES = [
    # The answer writes the rest of the line differently.
    ("python", "def f(▮):\n    return a\n", "a, b) -> int:", "a, b"),
    ("python", "x = f(▮) + 1\n", "g(a), h(b)) * 2", "g(a), h(b)"),
    ("python", "if len(▮) > 2:\n    pass\n", "items) == 0:", "items"),
    ("typescript", "function f(▮) {\n  return a;\n}\n", "a: number): string {", "a: number"),
    ("typescript", "const n = xs.▮ >= 2;\n", "length > 2;", "length"),
    ("typescript", "im▮{ a } from './a';\n", "port { b } from './b';", "port"),
    ("rust", "fn f(▮) {\n    g(a);\n}\n", "a: u8) -> u8 {", "a: u8"),
    ("rust", "fn main() {\n    let v = g(▮)?;\n}\n", "a, b).unwrap();", "a, b).unwrap("),
    ("go", "package p\n\nfunc f(▮) {\n\tg(a)\n}\n", "a int) error {", "a int"),
    ("java", "class A {\n  void f(▮) {\n  }\n}\n", "int a) throws E {", "int a"),
    ("cpp", "int main() {\n  g(▮);\n}\n", "a, b) + 1;", "a, b"),
    # The header is unfinished, so the answer's bracket is as wrong as none.
    ("python", "class A:\n    def f(▮)\n        g(self)\n        h()\n", "self):", "self"),
    ("go", "package a\n\nfunc f(▮)\n\treturn 1\n}\n", "a int) int {", "a int"),
    ("java", "enum A {\n  B(▮)\n  C(1);\n}\n", "0),", "0"),
    ("python", "x = f(g(▮)\n", "a)", "a)"),
    ("python", "x = f(▮)\n", "a), g(b", "a), g(b"),
    # The line continues with a part of a word.
    ("python", "def f(s▮lf, a: int) -> int:\n    return a\n", "elf, a: int) -> int:", "e"),
    ("python", "x =▮n()['id']\n", " r.json()['id']", " r.jso"),
    ("python", "a = 1  #▮ma: no cover\n", " pragma: no cover", " prag"),
    ("typescript", "function f(): Mo▮kInstance<A> {\n}\n", "ckInstance<A> {", "c"),
    # The answer is right, though it contains what follows.
    ("python", "x = f(▮, b)\n", "a, c", "a, c"),
    ("python", "x = f(▮)\n", "g(a), h(b)", "g(a), h(b)"),
    ("python", "x = f(▮) + g(a)\n", "a + g(b)", "a + g(b)"),
    ("python", "x = [▮ for a in b]\n", "g(a) for a in c if a", "g(a) for a in c if a"),
    ("python", "print('▮ and b')\n", "a and c", "a and c"),
    ("rust", "fn main() {\n    let v = g(▮);\n}\n", "h(a), (1, 2)", "h(a), (1, 2)"),
    ("javascript", "f(▮);\n", "() => { g(); }", "() => { g(); }"),
]


@pytest.mark.parametrize(("language", "marked", "answer", "left"), CASES)
def test_an_answer_ends_where_it_reaches_the_rest_of_its_line(
    language: str, marked: str, answer: str, left: str
) -> None:
    assert cleaned(language, marked, answer, Wanted(), mark="▮").text == left
