"""A bracket that is open at the gap closes once: in the text or after it, not in both."""

from __future__ import annotations

import pytest

from dgls.syntax.brackets import open_brackets, within_brackets
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text.spans import Span


@pytest.mark.parametrize(
    ("text", "tail", "expected"),
    [
        ("a, b)", ")", "a, b"),
        ("self):", "):", "self"),
        ("a[0], f(b)", ")", "a[0], f(b)"),
        ("f(a)) + 1", ") * 2", "f(a)"),
        ('"a)", b)', ")", '"a)", b'),
        (r"'it\'s)', b)", ")", r"'it\'s)', b"),
        ("1}", "  }", "1"),
        (")", ")", ""),
        ("a, b)", "", "a, b)"),
        ("a, b)", " + 1", "a, b)"),
        ("a)\n", ")", "a"),
    ],
)
def test_a_bracket_closed_after_the_gap_is_not_closed_in_it(
    text: str, tail: str, expected: str
) -> None:
    assert within_brackets(text, tail, language_of("a.py")) == expected


@pytest.mark.parametrize(
    ("path", "text", "tail", "expected"),
    [
        ("a.js", "`${f(a)} )`, b)", ");", "`${f(a)} )`, b"),
        ("a.js", "/[)]/, b)", ")", "/[)]/, b"),
        ("a.go", "`)`, ')')", ")", "`)`, ')'"),
        ("a.rs", "x: &'a str, ')')", ")", "x: &'a str, ')'"),
        ("a.rb", "\"#{g(')')}\")", ")", "\"#{g(')')}\""),
        ("a.php", "')', $a)", ");", "')', $a"),
        ("a.sh", '")" "$1")', ")", '")" "$1"'),
        ("a.c", "/* ) */ a)", ")", "/* ) */ a"),
    ],
)
def test_brackets_in_strings_and_comments_are_text(
    path: str, text: str, tail: str, expected: str
) -> None:
    assert within_brackets(text, tail, language_of(path)) == expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.py", "x = f([a, (b)", "(["),
        ("a.py", "x = f('([', # (\n", "("),
        ("a.js", "if (a) { f(`${b}`, [", "{(["),
        ("a.md", "a list (of [things", ""),
    ],
)
def test_open_brackets_are_found(path: str, text: str, expected: str) -> None:
    source = Source.parse(text, language_of(path))
    found = open_brackets(source, Span(0, len(text)))
    assert "".join(bracket.char for bracket in found) == expected
