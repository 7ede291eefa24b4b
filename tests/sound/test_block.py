"""Where the block of a gap ends."""

from __future__ import annotations

import pytest

from dgls.sound.block import block_end
from dgls.sound.site import Purpose, Wanted
from dgls.syntax.languages import language_of
from tests.sound.marked import cleaned


@pytest.mark.parametrize("line", ["x", "xy"])
def test_a_line_like_the_first_ends_the_block(line: str) -> None:
    assert block_end([line, "", line], 0, language_of("a.py")) == 2


def test_blank_lines_alone_never_end_a_block() -> None:
    assert block_end(["", "", ""], 0, language_of("a.py")) == 3
    assert block_end([], 0, language_of("a.py")) == 0


IMPORTS = 'import { a, b|\nimport { c } from "c";\n'
CALL = "def f(x):\n    y = |\n    return y\n"


@pytest.mark.parametrize(
    ("what", "language", "marked", "answer", "left"),
    [
        (
            "an import",
            "javascript",
            IMPORTS,
            ' } from "a";\nimport { d } from "d";',
            ' } from "a";',
        ),
        ("a statement", "python", CALL, "x\n    y += 1\n    y -= 2", "x"),
        ("nothing below", "python", CALL.replace("|\n", "|\n\n"), "x\n    y += 1", None),
        ("an open bracket", "python", CALL, "g(\n        x,\n    )", None),
        ("an operator at its end", "python", CALL, "x \\\n        + 1", None),
        ("a header", "python", "def f(x):\n    if |\n    return x\n", "x:\n        g(x)", None),
        ("a line of its own", "python", CALL.replace("y = |", "|"), "y = 1\n    y += 1", None),
    ],
)
def test_an_answer_that_completes_a_line_ends_with_it(
    what: str, language: str, marked: str, answer: str, left: str | None
) -> None:
    found = cleaned(language, marked, answer, Wanted(Purpose.EXPLICIT, 8)).text
    assert found == (answer if left is None else left)
