"""The prompt after a jump of the cursor: short at first, whole once pauses have read it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dgls.errors import Stopped
from dgls.fill.causal import CausalFiller
from dgls.fill.confidence import Confidence
from dgls.fill.stop import StopToken
from dgls.protocol import FillReply, FillRequest, Gap, Limits, Trigger
from tests.support.qwen2 import tiny_causal

ABOVE = "".join(f"first_{n} = load(first_{n - 1})\n" for n in range(60))
BELOW = "".join(f"second_{n} = load(second_{n - 1})\n" for n in range(20))
NEAR = 150


@pytest.fixture
def filler() -> CausalFiller:
    return CausalFiller(tiny_causal(), Confidence(threshold=0.5))


def typed(line: str, above: str = ABOVE, **changes) -> FillRequest:
    """An editor's request at the end of `line`: the nearest text, and more around it."""
    before, after = above + line, "\n" + BELOW
    whole = FillRequest(
        (before[len(above) - NEAR :], after[:NEAR]),
        path="a.py",
        trigger=Trigger.AUTOMATIC,
        around=(before, after),
    )
    return replace(whole, **changes)


def fill(filler: CausalFiller, request: FillRequest) -> FillReply:
    return filler.fill(request, StopToken())


def tokens(filler: CausalFiller, request: FillRequest) -> tuple[int, int]:
    """The number of tokens in the brief and the whole prompt of a request."""
    layout = filler.model.layout
    return len(layout.brief_prompt(request).tokens), len(layout.prompt(request).tokens)


def test_a_fill_after_a_jump_reads_only_nearby_text(filler: CausalFiller) -> None:
    request = typed("value = ")
    brief, whole = tokens(filler, request)
    assert 2 * brief < whole
    reply = fill(filler, request)
    assert reply.prompt_tokens == brief
    asked = fill(filler, typed("value = ", trigger=Trigger.EXPLICIT))
    assert reply.threshold > asked.threshold, "it must be surer to be shown"


@pytest.mark.parametrize(
    "changes",
    [
        {"trigger": Trigger.EXPLICIT},
        {"parts": ("a = ", "\nb = ", BELOW), "gaps": (Gap(), Gap())},
        {"limits": Limits(candidates=0)},
    ],
    ids=["asked", "several gaps", "read ahead"],
)
def test_other_requests_read_the_whole_prompt(
    filler: CausalFiller, changes: dict[str, object]
) -> None:
    brief, _ = tokens(filler, typed("value = "))
    assert fill(filler, typed("value = ", **changes)).prompt_tokens > 1.5 * brief


def test_later_fills_use_the_whole_prompt_once_it_is_read(filler: CausalFiller) -> None:
    fill(filler, typed("value = "))
    brief, whole = tokens(filler, typed("value = l"))
    assert fill(filler, typed("value = l")).prompt_tokens == brief
    assert filler.use_pause(StopToken())
    assert fill(filler, typed("value = lo")).prompt_tokens == brief
    pieces = 0
    while filler.use_pause(StopToken()):
        pieces += 1
    assert pieces > 1
    reply = fill(filler, typed("value = loa"))
    assert reply.prompt_tokens == whole
    assert reply.prompt_tokens - reply.cached_tokens < 32
    assert not filler.use_pause(StopToken())


def test_pauses_read_the_prompt_of_the_latest_place(filler: CausalFiller) -> None:
    fill(filler, typed("value = "))
    there = typed("other = ", above=ABOVE[: len(ABOVE) // 2])
    fill(filler, there)
    while filler.use_pause(StopToken()):
        pass
    reply = fill(filler, there)
    assert reply.prompt_tokens == tokens(filler, there)[1]
    assert reply.prompt_tokens - reply.cached_tokens < 32


def test_a_stopped_piece_is_read_again_later(filler: CausalFiller) -> None:
    for line in ("value = ", "value = l"):
        fill(filler, typed(line))
    assert filler.use_pause(StopToken())
    stopped = StopToken()
    stopped.stop("a fill came")
    with pytest.raises(Stopped):
        filler.use_pause(stopped)
    while filler.use_pause(StopToken()):
        pass
    fresh = CausalFiller(tiny_causal(), Confidence())
    one, other = (fill(each, typed("value = l")) for each in (filler, fresh))
    assert one.prompt_tokens > other.prompt_tokens
    fill(fresh, typed("value = l", limits=Limits(candidates=0)))
    other = fill(fresh, typed("value = l"))
    assert one.best.score == pytest.approx(other.best.score, abs=1e-3)


def test_a_prompt_read_in_pieces_gives_the_same_text(filler: CausalFiller) -> None:
    for line in ("value = ", "value = l", "value = lo"):
        fill(filler, typed(line))
    while filler.use_pause(StopToken()):
        pass
    fresh = CausalFiller(tiny_causal(), Confidence())
    fill(fresh, typed("value = loa", limits=Limits(candidates=0)))
    one, other = (fill(each, typed("value = loa")).best for each in (filler, fresh))
    assert one.texts == other.texts
    assert one.score == pytest.approx(other.score, abs=1e-3)
