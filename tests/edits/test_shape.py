"""The same edit on a line of the same shape: its neighbours decide."""

from __future__ import annotations

import pytest

from dgls.edits.change import LineChange, line_changes
from dgls.edits.hunk import Hunk, remembered
from dgls.edits.judge import Evidence, chance
from dgls.edits.ripple import ripple
from dgls.edits.state import State
from dgls.edits.transfer import MAX_AROUND, MAX_EDITS, Around, Pattern, applied
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span


def edit(old: str, new: str) -> LineChange:
    (change,) = line_changes(new + "\n", Hunk(Span(0, len(new) + 1), old + "\n"))
    return change


@pytest.mark.parametrize(
    ("what", "line", "found"),
    [
        ("the same line", "x = f(a, b)", (6, 2, False)),
        ("another name before it", "y = f(a, b)", (5, 2, False)),
        ("another call", "x = g(a, b)", (3, 2, False)),
        ("more after it", "x = f(a, b)[0]", (6, 1, False)),
        ("nothing of it", "return", (0, 0, False)),
    ],
)
def test_the_neighbours_of_an_edit_are_counted(
    what: str, line: str, found: tuple[int, int, bool]
) -> None:
    change = edit("x = f(a, b)", "x = f(a, c)")
    assert Pattern([change]).around(line) == Around(*found)


@pytest.mark.parametrize(("line", "whole"), [("h(k, x)", True), ("f(j, x)", False)])
def test_several_edits_narrow_what_a_place_must_have(line: str, whole: bool) -> None:
    changes = [edit("f(k, x)", "f(k, y)"), edit("g(k, x)", "g(k, y)")]
    assert Pattern(changes).around(line).whole is whole


def test_the_number_of_compared_tokens_is_limited() -> None:
    line = " + ".join("abcdefghij") + " + old"
    assert Pattern([edit(line, line.replace("old", "new"))]).around(line).left == MAX_AROUND


def test_only_the_latest_of_many_equal_edits_count() -> None:
    first, rest = edit("x = f(a, b)", "x = f(a, c)"), edit("[b]", "[c]")
    assert Pattern([first, *[rest] * MAX_EDITS]).around("x = f(a, b)").left == 0
    assert Pattern([first, *[rest] * (MAX_EDITS - 1)]).around("x = f(a, b)").left == MAX_AROUND


def test_an_edit_is_applied_where_its_tokens_are() -> None:
    change = edit("x = f(old, 1)", "x = f(new, 1)")
    assert applied(change, "    y = f(old, 1)\n") == "    y = f(new, 1)"
    assert applied(change, "y = f(other, 1)\n") is None


def evidence(left: int, places: int) -> Evidence:
    return Evidence(
        around=Around(left, 2, False),
        agreed=1,
        inserts=False,
        deletes=False,
        replaced=1,
        added=1,
        places=places,
    )


def test_similar_and_rare_places_are_likelier() -> None:
    assert chance(evidence(4, 1)) > chance(evidence(2, 1)) > chance(evidence(2, 8))


def test_after_two_fields_change_type_the_third_is_offered() -> None:
    text = "class A:\n    one: str\n    two: str\n    six: str\n\n\nclass B:\n    label: str\n"
    source, hunks = Source.parse(text, language_named("python")), ()
    for name in ("one", "two"):
        at = source.text.index(f"{name}: str") + len(name) + 2
        change = Edit(Span(at, at + 3), "Date")
        hunks, source = remembered(hunks, source.text, change), source.edited([change])
    (offer,) = ripple(State(source, hunks))
    assert (offer.span.of(source.text), offer.text) == ("    six: str", "    six: Date")


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("a comment", "    # result = parse(text, strict, 1)\n"),
        ("documentation", '    """\n    result = parse(text, strict, 1)\n    """\n'),
    ],
)
def test_an_edit_of_code_is_no_edit_of_text(what: str, other: str) -> None:
    line = "    result = parse(text, {}, 1)\n"
    code = f"def f(text):\n{other}{line.format('lenient')}    x = 1\n{line.format('strict')}"
    at = code.index(line.format("lenient"))
    hunk = Hunk(Span(at, at + len(line.format("lenient"))), line.format("strict"))
    found = ripple(State(Source.parse(code, language_named("python")), (hunk,)))
    assert [offer.span.start for offer in found] == [code.rindex(line.format("strict"))]
