"""A bracket that is open at the gap closes once: in the text or behind it, not in both."""

from __future__ import annotations

import pytest

from dgls.syntax.brackets import within_brackets
from dgls.syntax.languages import language_of


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
def test_what_is_closed_behind_the_gap_is_not_closed_in_it(
    text: str, tail: str, expected: str
) -> None:
    assert within_brackets(text, tail, language_of("a.py")) == expected
