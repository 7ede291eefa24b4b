"""Where the block of a gap ends."""

from __future__ import annotations

import pytest

from dgls.sound.block import block_end
from dgls.syntax.languages import language_of


@pytest.mark.parametrize("line", ["x", "xy"])
def test_a_line_like_the_first_one_is_a_line_of_its_own(line: str) -> None:
    assert block_end([line, "", line], 0, language_of("a.py")) == 2


def test_blank_lines_alone_are_no_block_to_leave() -> None:
    assert block_end(["", "", ""], 0, language_of("a.py")) == 3
    assert block_end([], 0, language_of("a.py")) == 0
