"""Where the block of a gap ends."""

from __future__ import annotations

import pytest

from dgls.sound.block import block_end
from dgls.syntax.languages import language_of


@pytest.mark.parametrize("line", ["x", "xy"])
def test_a_line_like_the_first_ends_the_block(line: str) -> None:
    assert block_end([line, "", line], 0, language_of("a.py")) == 2


def test_blank_lines_alone_never_end_a_block() -> None:
    assert block_end(["", "", ""], 0, language_of("a.py")) == 3
    assert block_end([], 0, language_of("a.py")) == 0
