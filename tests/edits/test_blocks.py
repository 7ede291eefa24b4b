"""Several lines that were changed together: the same lines elsewhere."""

from __future__ import annotations

import pytest

from dgls.edits.hunk import remembered
from dgls.edits.ripple import ripple
from dgls.edits.state import State
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span, apply_edits

OLD = 'send("a", b, c)\n'
NEW = 'send(\n    "a",\n    b,\n    c,\n)\n'
FURTHER_IN = "".join(f"    {line}\n" for line in NEW.splitlines())


def after(text: str, *changes: tuple[str, str]) -> str:
    """The text after the changes and all offers for lines."""
    source, hunks = Source.parse(text, language_named("python")), ()
    for old, new in changes:
        at = source.text.index(old)
        edit = Edit(Span(at, at + len(old)), new)
        hunks, source = remembered(hunks, source.text, edit), source.edited([edit])
    found = [each for each in ripple(State(source, hunks)) if each.rule == "lines"]
    return apply_edits(source.text, [Edit(each.span, each.text) for each in found])


@pytest.mark.parametrize(
    ("what", "old", "new"),
    [
        ("the same lines", OLD, NEW),
        ("more indented", "if x:\n    " + OLD, "if x:\n" + FURTHER_IN),
        ("another argument", 'send("b", b, c)\n', 'send("b", b, c)\n'),
        ("no final newline", OLD.rstrip(), OLD.rstrip()),
    ],
)
def test_the_same_lines_are_offered_the_same_change(what: str, old: str, new: str) -> None:
    assert after(f"{OLD}x = 1\n{old}", (OLD, NEW)) == f"{NEW}x = 1\n{new}"


def test_an_earlier_change_of_the_same_lines_counts_too() -> None:
    other = NEW.replace("    c,\n", "    d,\n")
    assert after(OLD * 3, (OLD, NEW), (OLD, other)) == NEW + other + OLD


def test_an_insertion_is_evidence_the_second_time() -> None:
    place = 'a = [\n    "one",\n    "two",\n]\n'
    full = place.replace('"two"', 'new,\n    "two"')
    once = (place, full)
    assert after(place * 3, once) == full + place * 2
    assert after(place * 3, once, (place, full)) == full * 3


@pytest.mark.parametrize(
    ("what", "old", "new"),
    [
        ("a deletion", 'one("a", b, c)\ntwo("a", b, c)\n', ""),
        ("a short line", "x()\n", "y()\nz()\n"),
        ("a comment", "# one two three four five\n", "# one two three\n# four five\n"),
    ],
)
def test_silence(what: str, old: str, new: str) -> None:
    text = f"{old}x = 1\n{old}"
    assert after(text, (old, new)) == f"{new}x = 1\n{old}"


def test_an_edit_of_code_is_no_edit_of_text() -> None:
    text = f'{OLD}x = """\n{OLD}"""\n{OLD}'
    assert after(text, (OLD, NEW)) == f'{NEW}x = """\n{OLD}"""\n{NEW}'
