"""What may be in a file only once does not come a second time."""

from __future__ import annotations

import pytest

from dgls.sound.cleaned import Refusal
from dgls.sound.site import Wanted
from tests.sound.marked import cleaned

CLASS = "class A:\n    |\n\n    def c(self):\n        return 1\n"
BODY = "\n        return 2"


@pytest.mark.parametrize(
    ("what", "language", "marked", "answer"),
    [
        ("an import", "python", "import os\nimport sys\n|\n\nx = 1\n", "import os"),
        ("an import below", "python", "from a import b|\nimport c\nimport os\n", "\nimport os"),
        (
            "a name that is imported",
            "javascript",
            'import { a, b| } from "a";\nimport { be } from "b";\n',
            "e",
        ),
        ("a function", "python", CLASS, f"def c(self):{BODY}"),
        ("a key in YAML", "yaml", "a:\n  b: 1\n  |\n  c: 2\n", "b: 3"),
        ("a key in JSON", "json", '{\n  "a": 1,\n  |\n  "b": 2\n}\n', '"a": 3,'),
        ("a key between quotes", "json", '{\n  "a": 1,\n  "|": true\n}\n', "a"),
        ("a key in TOML", "toml", "[x]\na = 1\n|\nb = 2\n", "a = 2"),
        ("a key of an object", "javascript", "x = {\n  a: 1,\n  |\n};\n", "a: 2,"),
        ("a key of a dict", "python", 'x = {\n    "a": 1,\n    |\n}\n', '"a": 2,'),
        ("a member of an enumeration", "java", "enum A {\n  B(1),\n  |\n  C(2);\n}\n", "B(3),"),
        ("a member of an interface", "typescript", "interface A {\n  b: C;\n  |\n}\n", "b: D;"),
        ("a named argument", "python", "x = f(a=1, |)\n", "a=2"),
    ],
)
def test_what_the_file_has_is_refused(what: str, language: str, marked: str, answer: str) -> None:
    assert cleaned(language, marked, answer, Wanted(max_lines=8)).refusal is Refusal.REPEATS


@pytest.mark.parametrize(
    ("what", "language", "marked", "answer", "left"),
    [
        (
            "the next function after a decorator",
            "python",
            CLASS.replace("|\n\n    def", "@|\n    def"),
            f"property\n    def c(self):{BODY}\n\n    @property",
            "property",
        ),
        (
            "a constant below",
            "javascript",
            "import { a |\n\nexport const d = f(1);\n",
            '} from "a";\n\nexport const d = f(1);\nexport default d;',
            '} from "a";',
        ),
    ],
)
def test_an_answer_ends_before_what_the_file_has(
    what: str, language: str, marked: str, answer: str, left: str
) -> None:
    assert cleaned(language, marked, answer, Wanted(max_lines=8)).text == left


@pytest.mark.parametrize(
    ("what", "language", "marked", "answer"),
    [
        ("the same key elsewhere", "yaml", "a:\n  b: 1\nc:\n  |\n", "b: 2"),
        ("an import in a function", "python", "import os\n\n\ndef f():\n    |\n", "import os"),
        ("another function's name", "python", CLASS, f"def c(self, x):{BODY}"),
        (
            "the same method in another class",
            "python",
            f"{CLASS}\n\nclass B:\n    |\n",
            "def c(self):",
        ),
        (
            "what deletes a property",
            "python",
            "class A:\n    @property\n    def c(self):\n        pass\n\n    @c.deleter\n    |\n",
            f"def c(self):{BODY}",
        ),
        ("an overload", "java", "class A {\n  void f(int a) {}\n  |\n}\n", "void f(long a) {}"),
        ("another call's argument", "python", "x = f(a=1, b=g(|))\n", "a=2"),
        ("a value", "json", '{\n  "a": |\n}\n', '"a"'),
        ("an import in a text", "python", 'import os\nx = """\n|\n"""\n', "import os"),
    ],
)
def test_what_may_be_there_twice_stays(what: str, language: str, marked: str, answer: str) -> None:
    # The second bar, if there is one, is the gap.
    head, _, tail = marked.rpartition("|")
    marked = head.replace("|", "") + "|" + tail
    assert cleaned(language, marked, answer, Wanted(max_lines=8)).text.startswith(answer[:8])
