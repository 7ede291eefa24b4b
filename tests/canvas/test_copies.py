"""Proposes texts from places of the document that are similar to the gap, likeliest first."""

from __future__ import annotations

import pytest

from dgls.canvas.copies import Copy, copies
from tests.support.marks import cursor_of


def found(marked: str, most: int = 8) -> list[Copy]:
    text, cursor = cursor_of(marked)
    return copies(text[:cursor], text[cursor:], most)


@pytest.mark.parametrize(
    ("marked", "first"),
    [
        # What followed the same words, with names changed to those of the gap's line.
        ("open(path, 'rb')\nclose()\nopen(path,⟦⟧\n", " 'rb')"),
        ("self.size = size\nself.name = ⟦⟧\n", "name"),
        # A whole line between similar lines.
        ("if a:\n    go()\n    return c\nif b:\n    go()\n    ⟦⟧\n", "return c"),
        ("x = a()\nfirst(x)\ny = a()\n⟦⟧\n\nz = a()\nfirst(z)\n", "first(y)"),
        # It ends at what follows the gap, or where its bracket closes.
        ("f(a, b) + 1\nf(⟦⟧) + 1\n", "a, b"),
        ("f(g(a), b) + 1\nf(⟦⟧)\n", "g(a), b"),
        # The longest match wins over the nearest line.
        ("a = pick(one, two)\nb = drop(three)\na = pick(⟦⟧\n", "one, two)"),
        # Lines below count like lines above.
        ("total = ⟦⟧\n\ntotal = first + second\n", "first + second"),
    ],
)
def test_the_likeliest_text(marked: str, first: str) -> None:
    assert found(marked)[0].text == first


@pytest.mark.parametrize("marked", ["⟦⟧", "x = ⟦⟧\n", "import os\nraise(⟦⟧\n", "a(b)\nc = [⟦⟧}\n"])
def test_a_document_without_a_similar_place_gives_no_copy(marked: str) -> None:
    assert found(marked) == []


def test_a_copy_carries_the_likeness_of_its_place() -> None:
    copy = found("def f():\n    return one(two)\n\ndef f():\n    return one(⟦⟧\n")[0]
    assert copy == Copy("two)", left=24, likeness=0.5, votes=1, places=3, renamed=False)


def test_equal_texts_count_as_votes_for_one_copy() -> None:
    marked = "get(a)\nget(a)\nget(b)\nget(⟦⟧)\n"
    assert {copy.text: (copy.votes, copy.places) for copy in found(marked)} == {
        "a": (2, 3),
        "b": (1, 3),
    }


def test_the_line_of_the_gap_is_not_copied() -> None:
    assert found("value = value + ⟦⟧value\n") == []


def test_at_most_the_requested_number_of_copies() -> None:
    lines = "".join(f"put(n{index})\n" for index in range(30))
    assert len(found(f"{lines}put(⟦⟧)\n", most=3)) == 3


@pytest.mark.parametrize(
    ("marked", "block"),
    [
        ("def f():\n    one()\n\n    two()\n\ndef g():\n    ⟦⟧\n", "one()\n\n    two()"),
        # Indented like the gap's line, more or less than at its origin.
        ("if x:\n  if y:\n    a()\n    b()\nif x:\n  ⟦⟧\n", "if y:\n    a()\n    b()"),
        ("try:\n    a()\n    b()\nif z:\n    try:\n        ⟦⟧\n", "a()\n        b()"),
        ("if z:\n    try:\n        a()\n        b()\ntry:\n    ⟦⟧\n", "a()\n    b()"),
        ("for x in y:\n    a()\nfor x ⟦⟧\n", "in y:\n    a()"),
    ],
)
def test_a_gap_with_room_gets_a_block(marked: str, block: str) -> None:
    text, cursor = cursor_of(marked)
    assert block in {copy.text for copy in copies(text[:cursor], text[cursor:], lines=8)}


def test_a_copied_block_fits_the_line_limit() -> None:
    text, cursor = cursor_of("def f():\n    a()\n    b()\n    c()\n\ndef g():\n    ⟦⟧\n")
    found = copies(text[:cursor], text[cursor:], lines=2)
    assert max(copy.text.count("\n") for copy in found) == 1


@pytest.mark.parametrize(
    ("marked", "kept", "dropped"),
    [
        # The typed word continues as it does elsewhere, from its first letter.
        ("total_price = 1\nx = total_⟦⟧\n", "price = 1", None),
        ("name = 1\nx = first_nam⟦⟧\n", None, "e = 1"),
        ("overall = 1\nx = all⟦⟧\n", " = 1", None),
        ("overalls = 1\nx = all⟦⟧\n", None, "s = 1"),
        ("unsafe(a)\nsafe⟦⟧\n", "(a)", None),
        # The word after the cursor equals that of the place, to its last letter.
        ("x = value_count\ny = ⟦⟧count\n", "value_", None),
        ("x = value_counter\ny = ⟦⟧count\n", None, "value_"),
        ("x = a + count\ny = ⟦⟧count\n", "a + ", None),
        ("f(one, two)\nf(⟦⟧ two)\n", "one, ", None),
    ],
)
def test_a_copy_never_forms_a_new_word(marked: str, kept: str | None, dropped: str | None) -> None:
    texts = {copy.text for copy in found(marked)}
    assert kept is None or kept in texts
    assert dropped not in texts
