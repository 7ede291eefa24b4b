"""A gap becomes a prompt and a canvas, and a denoised canvas becomes text again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgls.canvas.infill import CANVAS_WIDTHS, SPECIAL_TOKENS, InfillBudget, InfillLayout
from dgls.errors import InputError
from dgls.protocol import FillRequest, Gap, Snippet
from tests.support.characters import CharCodec

CODEC = CharCodec(SPECIAL_TOKENS)


def layout(**budget: int) -> InfillLayout:
    return InfillLayout(CODEC, InfillBudget(**{"window": 512, "line_slots": 6, **budget}))


def test_the_prompt_holds_what_changes_least_first() -> None:
    request = FillRequest(
        parts=("x = ", "\ny = 2\n"), path="a.py", snippets=(Snippet("b.py", "def f"),)
    )
    canvas = layout().build(request)
    expected = "<path>a.py<ctx>b.py\ndef f<suffix>\ny = 2\n<prefix>x = <middle>"
    assert CODEC.show(canvas.prompt) == expected


def test_the_canvas_is_open_slots_then_the_pinned_near_suffix() -> None:
    canvas = layout(near_suffix=8).build(FillRequest(parts=("x = ", "\ny = 2\n")))
    assert CODEC.show(canvas.tokens) == "<pad>" * 6 + "\ny = 2\n" + "<pad>" * 3
    assert canvas.pinned == (False,) * 6 + (True,) * 10
    assert len(canvas.tokens) in CANVAS_WIDTHS


def test_several_gaps_share_a_canvas_with_the_text_between_pinned() -> None:
    canvas = layout().build(FillRequest(parts=("a", "BETWEEN", "z"), gaps=(Gap(), Gap())))
    first, second = canvas.gaps
    assert CODEC.show(canvas.tokens[first.end : second.start]) == "BETWEEN"
    assert all(canvas.pinned[first.end : second.start])
    assert not any(canvas.pinned[first.start : first.end])


def test_the_old_text_of_a_rewrite_fills_its_slots_like_a_target() -> None:
    canvas = layout().build(FillRequest(parts=("a", "z"), gaps=(Gap(text="old"),)))
    gap = canvas.gaps[0]
    assert CODEC.show(canvas.tokens[gap.start : gap.end]) == "old<end><pad><pad>"
    assert all(canvas.seeded[gap.start : gap.end])


@pytest.mark.parametrize(
    ("canvas", "gaps", "slots"),
    [
        (256, (Gap(),), [24]),
        (32, (Gap(),), [24]),
        (16, (Gap(),), [8]),
        (40, (Gap(max_lines=3),), [32]),
        (32, (Gap(), Gap()), [12, 12]),
        (16, (Gap(text="old"),), [8]),
    ],
)
def test_a_narrow_canvas_has_fewer_slots(
    canvas: int, gaps: tuple[Gap, ...], slots: list[int]
) -> None:
    parts = ("x = ", *[""] * (len(gaps) - 1), "\ny = 2\n")
    found = layout(line_slots=24, canvas=canvas).build(FillRequest(parts, gaps))
    assert [len(gap) for gap in found.gaps] == slots
    assert len(found.tokens) <= canvas


def test_old_text_too_long_for_a_narrow_canvas_is_refused() -> None:
    request = FillRequest(("a", "z"), (Gap(text="longer than the canvas"),))
    with pytest.raises(InputError, match="nothing was changed"):
        layout(canvas=16).build(request)


@given(st.text(st.characters(codec="utf-8"), max_size=5))
def test_a_target_reads_back_as_its_text(text: str) -> None:
    chosen = layout()
    canvas = chosen.build(FillRequest(parts=("p", "s")))
    tokens = list(canvas.tokens)
    target = chosen.target((text,))
    tokens[: len(target)] = target
    assert chosen.texts(canvas, tokens) == (text,)


def test_typing_only_extends_the_prompt() -> None:
    chosen = layout(window=128)
    text = "".join(f"line {number}\n" for number in range(60))
    hops = 0
    for end in range(1, len(text)):
        before = chosen.build(FillRequest(parts=(text[: end - 1], "rest"))).prompt
        after = chosen.build(FillRequest(parts=(text[:end], "rest"))).prompt
        hops += after[: len(before) - 1] != before[:-1]
        assert len(after) + 16 <= 128
    assert hops <= len(text) // 40


def test_gaps_too_long_for_a_canvas_are_refused() -> None:
    request = FillRequest(parts=("a", "b" * 300, "c"), gaps=(Gap(), Gap()))
    with pytest.raises(InputError, match="nothing was changed"):
        layout().build(request)
