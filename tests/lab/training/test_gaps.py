"""Gaps are where a programmer's cursor would be."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgls.lab.training import gaps
from dgls.lab.training.gaps import draw_gaps
from dgls.text.spans import Edit, apply_edits

SOURCE = '''\
import os


def area(width, height):
    """The area of a rectangle."""
    if width < 0:
        raise ValueError("width", width)
    return width * height
'''


@given(st.integers(0, 10_000))
def test_gaps_are_ordered_disjoint_and_inside_the_text(seed: int) -> None:
    found = draw_gaps(SOURCE, random.Random(seed))
    assert 1 <= len(found) <= 4
    assert apply_edits(SOURCE, [Edit(gap, gap.of(SOURCE)) for gap in found]) == SOURCE


def test_the_same_seed_draws_the_same_gaps() -> None:
    assert draw_gaps(SOURCE, random.Random(7)) == draw_gaps(SOURCE, random.Random(7))


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (gaps._line_end, {"width * height", "os", "< 0:"}),
        (gaps._whole_line, {"    return width * height", "import os\n"}),
        (gaps._node, {'"width", width', "width < 0", "width, height"}),
    ],
)
def test_each_kind_cuts_its_kind_of_text(draw: object, expected: set[str]) -> None:
    assert callable(draw)
    drawn = {draw(SOURCE, random.Random(seed))[0].of(SOURCE) for seed in range(2000)}
    assert expected <= drawn


@pytest.mark.parametrize("text", ["x", "\n\n x\n", "\tif x:\n", "a\n" * 3, "# é𝒳\n"])
def test_small_texts_have_gaps_too(text: str) -> None:
    for seed in range(50):
        assert all(gap.end <= len(text) for gap in draw_gaps(text, random.Random(seed)))
