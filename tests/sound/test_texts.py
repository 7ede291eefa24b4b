"""Answers in comments and strings, and answers that say nothing."""

from __future__ import annotations

import pytest

from dgls.sound.cleaned import Refusal
from dgls.sound.site import Wanted
from tests.sound.marked import cleaned

EXCEPT = "try:\n    f()\nexcept A|\n    g()\n"
COMMENT = "def f():\n    # Sort|\n    x.sort()\n"
BLOCK = "/**\n * Registers the `core/co|` block.\n */\nf();\n"


@pytest.mark.parametrize(
    ("what", "language", "marked", "answer", "left"),
    [
        ("code after a comment about code", "python", COMMENT, " x.\n    y.sort()", " x."),
        ("a longer comment", "python", COMMENT, " x,\n    # twice.", " x,\n    # twice."),
        (
            "code after a new comment",
            "python",
            "# Sort|\n\nz = 1\n",
            " x.\nx.sort()",
            " x.\nx.sort()",
        ),
        ("the middle of a comment", "python", "# Sort|\n# now.\n", " x\n# or\ny()", " x\n# or"),
        ("what follows in a comment", "javascript", BLOCK, "de` block.", "de"),
        ("another word", "javascript", BLOCK, "de` or `cover`", "de` or `cover"),
    ],
)
def test_the_answer_in_a_comment_ends_with_it(
    what: str, language: str, marked: str, answer: str, left: str
) -> None:
    assert cleaned(language, marked, answer, Wanted(max_lines=8)).text == left


@pytest.mark.parametrize(
    ("what", "language", "marked", "answer", "why"),
    [
        ("a mark without words", "python", "def f():\n    |\n    g()\n", "#", Refusal.HOLE),
        (
            "a `pass` beside a statement",
            "python",
            "def f():\n    g()\n    |\n",
            "pass",
            Refusal.HOLE,
        ),
        ("an end of nothing", "ruby", "|\n\nrequire 'json'\n", "end", Refusal.EMPTY),
        ("an end of nothing", "shellscript", "if a; then\n  b\nfi\n|\n", "fi", Refusal.EMPTY),
        ("no header", "python", EXCEPT, " b", Refusal.BROKEN),
    ],
)
def test_what_says_nothing_is_refused(
    what: str, language: str, marked: str, answer: str, why: Refusal
) -> None:
    assert cleaned(language, marked, answer, Wanted()).refusal is why


@pytest.mark.parametrize(
    ("what", "language", "marked", "answer"),
    [
        ("a `pass` alone", "python", "try:\n    f()\nexcept A:\n    |\n", "pass"),
        ("a `pass` after documentation", "python", 'class A:\n    """A."""\n    |\n', "pass"),
        ("an end", "ruby", "def a\n  b\n|\n", "end"),
        ("an end", "shellscript", "if a; then\n  b\n|\n", "fi"),
        ("a colon", "python", EXCEPT, ":"),
        ("a longer header", "python", EXCEPT, " as e:"),
        ("a part of a header", "python", EXCEPT, ".b"),
        ("an open bracket", "python", "@|\n    a,\n)\ndef f():\n    g()\n", "b("),
    ],
)
def test_what_is_needed_stays(what: str, language: str, marked: str, answer: str) -> None:
    assert cleaned(language, marked, answer, Wanted()).text == answer


LIST = "# One two three four.\n# |\n# Five six seven eight.\nx = 1\n"
DOC = 'def f():\n    """One two three four.\n\n    |\n    Five six seven eight.\n    """\n'


@pytest.mark.parametrize("marked", [LIST, DOC])
@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("One two three four.", ""),
        ("Five six seven eight.", ""),
        ("One two three five.", "One two three five."),
    ],
)
def test_prose_is_not_said_twice(marked: str, answer: str, left: str) -> None:
    assert cleaned("python", marked, answer, Wanted()).text == left


def test_a_line_of_code_may_be_a_line_of_prose() -> None:
    marked = "# One two three four.\nx = 1\n# Now.\n|\n"
    answer = "# One two three four."
    assert cleaned("python", marked, answer, Wanted()).text == answer
