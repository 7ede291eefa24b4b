"""Text written by people stays unchanged: from real files that the rules once cut or refused."""

from __future__ import annotations

import pytest

from dgls.sound.site import Wanted
from tests.sound.marked import cleaned

# A language, a source with the cursor at `|`, and the text that was there.
CASES = {
    "declarations of an overloaded function": (
        "typescript",
        "|\n\nconst x = 1;\n",
        "export function f(a: A): B;\nexport function f(a: A, b: B): B;",
    ),
    "a declaration after a declaration": (
        "typescript",
        "declare function f(a: A): B;|\n",
        "\ndeclare function g(a: A): B;",
    ),
    "a brace below its header": (
        "csharp",
        "class A\n{\n    int F(int o)\n    {\n        if (o > 1)|\n        return 2;\n    }\n}\n",
        "\n        {\n            return 1;\n        }",
    ),
    "bounds below a header": (
        "rust",
        "fn f<D>(d: D) -> u8|\n",
        "\nwhere\n    D: Copy,\n{\n    1\n}",
    ),
    "the ends of all open blocks": (
        "ruby",
        "module A\n  def f\n    g|\n",
        "\n  end\nend",
    ),
    "the ends of blocks in braces": (
        "java",
        "class A {\n  void f() {\n    if (x) {|\n",
        "\n      g();\n    }\n  }\n}",
    ),
    "the body of a rescue": (
        "ruby",
        "def f\n  begin\n    g\n  |\n  end\nend\n",
        "rescue LoadError => error\n    error",
    ),
    "a line that continues the one above": (
        "typescript",
        "function f() {\n  xs\n|\n  return 1;\n}\n",
        "    .filter((x) => x)\n    .forEach(g);",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_original_text_is_kept(case: str) -> None:
    language, marked, text = CASES[case]
    assert cleaned(language, marked, text, Wanted(max_lines=8)).text == text
