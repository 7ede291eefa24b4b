"""Code cut out of chat models' answers: a table of cases."""

from __future__ import annotations

import time

import pytest

from dgls.engine.backends.chat_text import answer_of, code_of, question
from dgls.errors import RemoteError
from dgls.protocol import FillRequest, Gap, Snippet
from tests.support.marks import cursor_of

HALF_LINE = "def f(items):\n    total = ⟦⟧\n    return total\n"
INSIDE = "print(⟦⟧)\nprint(2)\n"
BLOCK = "def f(items):\n    ⟦⟧\n\n\ndef g():\n    pass\n"


@pytest.mark.parametrize(
    ("marked", "answer", "expected"),
    [
        pytest.param(HALF_LINE, "```python\nsum(items)\n```", "sum(items)", id="fenced"),
        pytest.param(HALF_LINE, "Sure!\n```\nsum(items)\n```\nBye", "sum(items)", id="with chat"),
        pytest.param(HALF_LINE, "```python\nsum(items)", "sum(items)", id="fence left open"),
        pytest.param(HALF_LINE, "````py\nsum(items)\n````", "sum(items)", id="longer fence"),
        pytest.param(HALF_LINE, "sum(items)", "sum(items)", id="no fence"),
        pytest.param(HALF_LINE, "`sum(items)`", "sum(items)", id="one backtick"),
        pytest.param(HALF_LINE, "```\n    total = sum(items)\n```", "sum(items)", id="the line"),
        pytest.param(HALF_LINE, "```\ntotal = sum(items)\n```", "sum(items)", id="unindented line"),
        pytest.param(
            HALF_LINE,
            "```\ndef f(items):\n    total = sum(items)\n    return total\n```",
            "sum(items)",
            id="the whole function",
        ),
        pytest.param(
            HALF_LINE,
            "```\nsum(items)\n    return total\n```",
            "sum(items)",
            id="and the line that follows",
        ),
        pytest.param(INSIDE, "```\n1)\n```", "1", id="the bracket that follows"),
        pytest.param(INSIDE, "```\nf(1)\n```", "f(1)", id="a bracket that it opened"),
        pytest.param(INSIDE, "```\nf(1))\nprint(2)\n```", "f(1)", id="both"),
        pytest.param(BLOCK, "```\nreturn 1\n```", "return 1", id="one line of a block"),
        pytest.param(
            BLOCK,
            "```\nfor i in items:\n    g(i)\nreturn 1\n```",
            "for i in items:\n        g(i)\n    return 1",
            id="a block at the margin",
        ),
        pytest.param(
            BLOCK,
            "```\n    for i in items:\n        g(i)\n```",
            "for i in items:\n        g(i)",
            id="a block at its column",
        ),
        pytest.param(HALF_LINE, "<think>hm ```no```</think>```\n1\n```", "1", id="thoughts"),
        pytest.param(
            HALF_LINE, "hm\n</think>\n```\n1\n```", "1", id="thoughts opened by the server"
        ),
        pytest.param(HALF_LINE, "<think>never ends", "", id="endless thoughts"),
        pytest.param(HALF_LINE, "", "", id="nothing"),
        pytest.param(HALF_LINE, "``````", "``````", id="backticks alone"),
    ],
)
def test_code_is_cut_out_of_an_answer(marked: str, answer: str, expected: str) -> None:
    text, cursor = cursor_of(marked)
    assert code_of(answer, text[:cursor], text[cursor:]) == expected


GARBAGE = ["`", "```", "\n", "(", "a = 1\n", "    ", "<think>", "é😀", "\x00", "    total = "]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("times", [1, 100, 10_000])
def test_garbage_of_any_length_is_handled_in_time(garbage: str, times: int) -> None:
    text, cursor = cursor_of(HALF_LINE)
    began = time.process_time()
    assert isinstance(code_of(garbage * times, text[:cursor], text[cursor:]), str)
    assert time.process_time() - began < 5


def test_the_question_shows_the_gap_and_its_surroundings() -> None:
    request = FillRequest(
        ("x = ```", "\ny\n"), (Gap("old"),), path="a.py", snippets=(Snippet("b.py", "B = 1"),)
    )
    asked = question(request)
    assert "x = ```<FILL>\ny\n" in asked
    assert "From b.py:" in asked
    assert "The file a.py:" in asked
    assert "\nold\n" in asked
    assert "````python" in asked


@pytest.mark.parametrize(
    "fields",
    [
        [],
        {},
        {"choices": []},
        {"choices": [{"text": "1"}]},
        {"choices": [{"message": {"content": 1}}]},
    ],
)
def test_a_reply_that_is_not_a_chat_completion_is_reported(fields: object) -> None:
    with pytest.raises(RemoteError, match="not a chat completion"):
        answer_of(fields)
