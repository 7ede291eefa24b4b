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
