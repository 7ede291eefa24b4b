"""During typing, a header is shown without its unclosed bracket; in a rewrite it is not."""

from __future__ import annotations

import pytest

from dgls.sound.site import Purpose, Wanted
from tests.sound.marked import cleaned

CLASS = """class A {
  f(x): void {
    const y = x
    if (y !|
  }

  g(): void {
    h()
  }
}
"""

# A language, a source with the cursor at `|`, an answer, and what may be shown of it.
CASES = [
    ("typescript", CLASS, "== 1) {", "== 1)"),
    ("typescript", CLASS, "== 1)", "== 1)"),
    ("rust", "fn f(x: i32) {\n    if |\n}\n\nfn g() {}\n", "x > 1 {", "x > 1"),
    ("rust", "fn f(x: i32) {\n    let y = match |\n}\n\nfn g() {}\n", "x {", "x"),
    ("go", "func f() {\n\tfor |\n}\n\nfunc g() {}\n", "i := range xs {", "i := range xs"),
    ("python", "def f(x):\n    y = |\n\n\ndef g():\n    pass\n", "x(", "x"),
]


@pytest.mark.parametrize(("language", "marked", "answer", "left"), CASES)
def test_while_typing_a_bracket_open_at_the_end_is_left_out(
    language: str, marked: str, answer: str, left: str
) -> None:
    assert cleaned(language, marked, answer, Wanted(Purpose.AUTOMATIC)).text == left


def test_a_hole_is_never_filled_with_a_header_without_its_block() -> None:
    marked = "function f(x) {\n  |\n  g();\n}\n"
    assert not cleaned("typescript", marked, "if (x) {", Wanted(Purpose.HOLE)).text
