"""What follows the gap is not repeated, wherever on its line the answer begins."""

from __future__ import annotations

import pytest

from dgls.sound.site import Wanted
from tests.sound.marked import cleaned

# A language, a source with the cursor at `|`, an answer, and what may be shown of it.
CASES = [
    # The lines below, joined to the text before the cursor or indented differently.
    ("python", "@|\ndef f():\n    return 1\n", "def f():\n    return 1", ""),
    ("python", "@|\nclass A:\n    x: int\n", "class A:\n    x: int", ""),
    ("ruby", "xs.each do |\n  g(x)\nend\n", "g(x)\nend", ""),
    ("shellscript", "cat <<EOF\na |\nb\nEOF\necho x\n", "b\nEOF\necho x", ""),
    (
        "cpp",
        "void f() {\n  if (x)\n    |\n  else\n    b();\n}\n",
        "  else\n    b();\n}",
        "",
    ),
    ("python", "@|\ndef f():\n    return 1\n", "cache", "cache"),
    ("python", "x = |\ng()\nh()\n", "g()", "g()"),
    ("ruby", "xs.each do |\n  g(x)\nend\n", "|x|", "|x|"),
    # Everything that follows on the line, joined to the word before the cursor.
    ("javascript", "const x = a|b;\n", "b;", ""),
    ("rust", "use std|fs;\n", "fs;", ""),
    ("cpp", "int main() {\n  p|x;\n}\n", "x;", ""),
    ("php", "<?php\n$x = $a|b;\n", "b;", ""),
    ("rust", "use std|fs;\n", "::", "::"),
    ("cpp", "int main() {\n  p|x;\n}\n", "->", "->"),
    ("python", "x = ba|na\n", "na", "na"),
]


@pytest.mark.parametrize(("language", "marked", "answer", "left"), CASES)
def test_following_text_is_not_repeated_from_elsewhere_on_the_line(
    language: str, marked: str, answer: str, left: str
) -> None:
    assert cleaned(language, marked, answer, Wanted(max_lines=8)).text == left


@pytest.mark.parametrize(
    ("what", "answer", "left"),
    [
        ("a line", "g(1)\n    g(1)", "g(1)"),
        ("two lines", "g(1)\n    g(2)\n    g(1)\n    g(2)", "g(1)\n    g(2)"),
        ("two lines, changed", "g(1)\n    g(2)\n    g(1)\n    g(3)", None),
        ("the beginning of the next line", "g(1)\n    return f(x)", "g(1)"),
        ("a part of its word", "g(1)\n    return f", None),
    ],
)
def test_lines_are_not_said_twice(what: str, answer: str, left: str | None) -> None:
    source = "def f(x):\n    ▮\n    return f(x) + 1\n"
    found = cleaned("python", source, answer, Wanted(max_lines=8), mark="▮").text
    assert found == (answer if left is None else left)
