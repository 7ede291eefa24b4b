"""A word replaced twice by the same other word."""

from __future__ import annotations

import pytest

from dgls.edits.hunk import remembered
from dgls.edits.ripple import ripple
from dgls.edits.state import State
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span

TEXT = """# the first overriden thing, of many
x = "one overriden"


def f():
    "overriden, too"
"""


def count(text: str, *changes: tuple[str, str]) -> int:
    """The number of words that are offered after the changes."""
    source, hunks = Source.parse(text, language_named("python")), ()
    for old, new in changes:
        at = source.text.index(old)
        edit = Edit(Span(at, at + len(old)), new)
        hunks, source = remembered(hunks, source.text, edit), source.edited([edit])
    return sum(offer.rule == "word" for offer in ripple(State(source, hunks)))


FIRST, SECOND = ("first overriden", "first overridden"), ("one overriden", "one overridden")


@pytest.mark.parametrize(
    ("what", "changes", "found"),
    [
        ("once", [FIRST], 0),
        ("twice", [FIRST, SECOND], 1),
        ("otherwise", [FIRST, ("one overriden", "one replaced")], 0),
        ("with more", [FIRST, ("one overriden", "two overridden")], 0),
    ],
)
def test_a_second_replacement_is_evidence(
    what: str, changes: list[tuple[str, str]], found: int
) -> None:
    assert count(TEXT, *changes) == found


def test_a_short_word_is_not_evidence() -> None:
    assert (
        count(TEXT.replace("overriden", "abc"), ("first abc", "first abd"), ("one abc", "one abd"))
        == 0
    )


def test_code_and_strings_are_distinguished() -> None:
    text = "a.zstd(1)\nb.zstd(2)\nx = [f(zstd)]\n'zstd'\n# zstd\nfrom a import zstd\n"
    assert count(text, ("a.zstd", "a.zlib"), ("b.zstd", "b.zlib")) == 1


def test_a_name_bound_in_another_scope_is_left_alone() -> None:
    text = "def f(style):\n    one(style)\n    two(style)\n    three(style)\n"
    assert count(text, ("one(style", "one(new"), ("two(style", "two(new")) == 0
