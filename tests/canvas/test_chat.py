"""A gap becomes a chat with a begun answer, and the answer becomes the gap's text again."""

from __future__ import annotations

import dataclasses

import pytest

from dgls.canvas.chat import CONTROL_TOKENS, EOS, MARK, ChatBudget, ChatLayout
from dgls.canvas.infill import CANVAS_WIDTHS
from dgls.canvas.types import OPEN_END, Canvas, Lengths
from dgls.errors import InputError
from dgls.protocol import FillRequest, Gap, Snippet
from tests.support.characters import CharCodec

CODEC = CharCodec(CONTROL_TOKENS)
LINE = FillRequest(("def f(a):\n    b = g(", ")\n    return b\n\n\nprint(f(1))\n"), path="a.py")


def layout(**budget: int) -> ChatLayout:
    return ChatLayout(CODEC, ChatBudget(**{"window": 4096, "near_suffix": 64, **budget}))


def canvases(*lengths: int, request: FillRequest = LINE) -> tuple[Canvas, ...]:
    return layout().canvases(request, Lengths(lengths, lengths))


def answered(canvas: Canvas, text: str) -> tuple[int, ...]:
    """The canvas when the model writes `text` from its first gap on, and nothing after it."""
    start = canvas.gaps[0].start
    tokens = [*canvas.tokens[:start], *CODEC.encode(text)]
    eos = CODEC.token_id(EOS)
    return tuple(tokens + [eos] * (len(canvas.tokens) - len(tokens)))


def test_the_prompt_is_a_chat_that_holds_what_changes_least_first() -> None:
    request = dataclasses.replace(LINE, snippets=(Snippet("b.py", "def g"),))
    chat = CODEC.show(layout().build(request).prompt)
    assert chat.startswith("<bos><|turn>user\n")
    task, rest = chat.split("\n\n", 1)
    assert MARK in task
    assert rest == (
        "From b.py:\n```\ndef g\n```\n\n"
        f"What follows the last {MARK} in the file a.py:\n"
        "```python\n)\n    return b\n\n\nprint(f(1))\n\n```\n\n"
        f"What stands before:\n```python\ndef f(a):\n    b = g({MARK}\n```<turn|>\n"
        "<|turn>model\n```python\n    b = g("
    )


def test_typing_extends_what_is_cached() -> None:
    chosen = layout()
    typed = dataclasses.replace(LINE, parts=(LINE.parts[0] + "a", LINE.parts[1]))
    before, after = chosen.build(LINE).prompt, chosen.build(typed).prompt
    same = next(i for i, (x, y) in enumerate(zip(before, after, strict=False)) if x != y)
    assert CODEC.show(before[:same]).endswith("    b = g(")
    assert len(before) - same < 60


def test_each_length_has_a_canvas_with_the_suffix_pinned_after_its_slots() -> None:
    found = canvases(3, 8)
    assert len({len(each.tokens) for each in found} - {*CANVAS_WIDTHS}) == 0
    assert len({each.prompt for each in found}) == 1
    for canvas, slots in zip(found, (3, 8), strict=True):
        assert [len(gap) for gap in canvas.gaps] == [slots]
        assert canvas.pinned == (False,) * slots + (True,) * (len(canvas.tokens) - slots)
        shown = CODEC.show(canvas.tokens[slots:]).replace("<eos>", "")
        assert shown == ")\n    return b\n```<turn|>"
        assert CODEC.show(canvas.follows) == shown
    assert len(found[0].tokens) == len(found[1].tokens)


def test_an_open_end_pins_nothing() -> None:
    open_end, fixed = canvases(OPEN_END, 8)
    assert not any(open_end.pinned)
    assert open_end.gaps[0].end == len(open_end.tokens) == len(fixed.tokens)
    assert open_end.follows == fixed.follows


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("a)\n    return b\n```", "a"),
        ("a, h(a))\n    return b\n```", "a, h(a)"),
        ("a)\n```", "a"),
        ("a", "a"),
        ("```", ""),
        ("a,\n      b)\n    return b", "a,\n      b"),
    ],
)
def test_an_open_end_is_cut_where_the_rest_of_the_file_begins(answer: str, text: str) -> None:
    canvas = canvases(OPEN_END, 40)[0]
    assert layout().texts(canvas, answered(canvas, answer)) == (text,)


@pytest.mark.parametrize(
    ("answer", "text"),
    [("x + 1\n\ny = 3\n```", "x + 1"), ("x\n```", "x"), ("x\ny = 2", "x\ny = 2")],
)
def test_an_open_end_at_a_line_end_is_cut_where_the_next_lines_begin(
    answer: str, text: str
) -> None:
    request = FillRequest(("y = ", "\n\ny = 3\n"))
    canvas = canvases(OPEN_END, 40, request=request)[0]
    assert layout().texts(canvas, answered(canvas, answer)) == (text,)


def test_at_the_end_of_the_file_a_fill_is_judged_by_ending_the_answer() -> None:
    (canvas,) = canvases(4, request=FillRequest(("y = ", "")))
    assert CODEC.show(canvas.follows) == "\n```<turn|>"


def test_slots_are_read_to_the_first_token_that_ends_an_answer() -> None:
    (canvas,) = canvases(5)
    tokens = list(canvas.tokens)
    tokens[:5] = [*CODEC.encode("ab"), CODEC.token_id(EOS), *CODEC.encode("cd")]
    assert layout().texts(canvas, tokens) == ("ab",)


def test_several_gaps_share_each_canvas_with_the_text_between_pinned() -> None:
    request = FillRequest(("f(", ") + g(", ")\n"), (Gap(), Gap(max_lines=3)))
    found = layout().canvases(request, Lengths((OPEN_END, 2, 4), (OPEN_END, 6)))
    assert [tuple(map(len, each.gaps)) for each in found] == [(2, 6), (4, 6)]
    for canvas in found:
        first, second = canvas.gaps
        assert CODEC.show(canvas.tokens[first.end : second.start]) == ") + g("
        assert all(canvas.pinned[first.end : second.start])
    assert f"f({MARK}) + g({MARK}\n```<turn|>" in CODEC.show(found[0].prompt)


def test_old_text_gives_the_lengths_and_the_seed() -> None:
    request = dataclasses.replace(LINE, gaps=(Gap("old_text"),))
    found = canvases(OPEN_END, 3, request=request)
    assert [len(each.gaps[0]) for each in found] == [8, 10]
    for canvas in found:
        assert CODEC.show(canvas.tokens[:8]) == "old_text"
        assert canvas.seeded == (True,) * 8 + (False,) * (len(canvas.tokens) - 8)


def test_a_fence_is_longer_than_any_in_the_code() -> None:
    request = FillRequest(('"""\n````\n', '\n"""'))
    chat = CODEC.show(layout().build(request).prompt)
    assert chat.count("\n`````python\n") == 3
    assert CODEC.show(layout().build(request).follows) == '\n"""\n`````<turn|>'


def test_a_suffix_too_long_for_the_canvas_is_cut_without_an_end_token() -> None:
    request = FillRequest(("x = ", " + 1" * 50))
    canvas = layout(near_suffix=10).canvases(request, Lengths((4,)))[0]
    assert CODEC.show(canvas.follows) == (" + 1" * 50)[:10]


def test_lengths_too_long_for_a_canvas_are_left_out() -> None:
    assert [len(each.gaps[0]) for each in canvases(8, 10_000)] == [8]
    with pytest.raises(InputError, match="nothing was changed"):
        canvases(300)


@pytest.mark.parametrize("canvas", [24, 32, 40, 100])
def test_canvases_keep_to_the_maximum_width(canvas: int) -> None:
    request = FillRequest(("a = ", "\n" + "b = 1\n" * 20), (Gap(max_lines=4),))
    narrow = ChatLayout(CODEC, ChatBudget(canvas=canvas))
    found = narrow.canvases(request, Lengths(block=(OPEN_END, 4, 96)))
    assert found
    assert all(len(each.tokens) <= canvas for each in found)
    assert any(gap.end < canvas for each in found for gap in each.gaps)


def test_a_long_file_is_cut_to_the_window() -> None:
    request = FillRequest(("x = 1\n" * 3000 + "y = ", "\n" + "z = 2\n" * 3000))
    chosen = layout(window=2048, suffix=512)
    canvas = chosen.build(request)
    assert 1024 < len(canvas.prompt) <= 2048 - CANVAS_WIDTHS[-1]
