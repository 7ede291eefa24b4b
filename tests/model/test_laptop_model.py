"""The laptop model itself: obvious gaps, int8 against fp32, and drafts that change nothing."""

from __future__ import annotations

import pytest
import torch

from dgls.fill.causal import CausalFiller
from dgls.fill.stop import StopToken
from dgls.inference.causal_model import CausalModel, Drafting
from dgls.inference.control import RunControl
from dgls.inference.drafts import BestDrafts
from dgls.inference.written import Written
from dgls.network.rows import Rows
from dgls.protocol import FillRequest
from tests.model.places import CutGap, cut_gaps

pytestmark = [pytest.mark.model, pytest.mark.slow]

NEAR_TIE = 0.5
"""Two choices with closer logits may swap if the width of a pass changes.

Sums of another width differ in their last bits, which int8 sometimes rounds to other steps: the
same margin differed by up to 0.4 between passes of one token and of eight.
"""

OBVIOUS = {
    "sum": ("def add(a, b):\n    return ", "\n\n\nprint(add(1, 2))\n", "a + b"),
    "loop": (
        "def total(numbers):\n    result = 0\n    for ",
        ":\n        result += number\n    return result\n",
        "number in numbers",
    ),
    "within a word": (
        "import os\n\n\ndef home():\n    return os.envi",
        '["HOME"]\n',
        "ron",
    ),
    "javascript": ("function square(x) {\n  return ", ";\n}\n", "x * x"),
    "go": ("func max(a, b int) int {\n\tif a > b {\n\t\treturn ", "\n\t}\n\treturn b\n}\n", "a"),
}


@pytest.mark.parametrize("name", OBVIOUS)
def test_an_obvious_gap_is_filled(filler: CausalFiller, name: str) -> None:
    prefix, suffix, expected = OBVIOUS[name]
    request = FillRequest((prefix, suffix), language=_LANGUAGE.get(name, "python"))
    reply = filler.fill(request, StopToken())
    assert reply.best.texts == (expected,)


_LANGUAGE = {"javascript": "javascript", "go": "go"}


def logits(model: CausalModel, gap: CutGap) -> torch.Tensor:
    """The logits at each token of the right text, [tokens + 1, vocabulary]."""
    prompt = model.layout.prompt(gap.request)
    text = model.layout.text(prompt, gap.truth)
    tokens = torch.tensor([*prompt.tokens, *text])
    network = model.network
    states = network.read(Rows(tokens), network.slots(len(tokens)), last=len(text) + 1)
    return network.logits(states)


def test_int8_chooses_as_fp32_does(filler: CausalFiller, exact: CausalFiller, capsys) -> None:
    agree = positions = 0
    divergence = 0.0
    for gap in cut_gaps(24):
        near = logits(filler.model, gap).log_softmax(-1)
        true = logits(exact.model, gap).log_softmax(-1)
        agree += int((near.argmax(-1) == true.argmax(-1)).sum())
        divergence += float((true.exp() * (true - near)).sum())
        positions += len(true)
    with capsys.disabled():
        print(
            f"\nint8: {agree} of {positions} first choices are those of fp32, "
            f"KL {divergence / positions:.5f} nats a token"
        )
    assert positions >= 150
    # About 96 %; the standard error for so few positions is 1.5 points.
    assert agree >= 0.92 * positions
    assert divergence / positions < 0.02


def alone(model: CausalModel, gap: CutGap) -> Written:
    """The greedy text, one token per pass."""
    prompt = model.layout.prompt(gap.request)
    read, ends = model.read(prompt), model.ends(1, 32)
    nothing = BestDrafts(None, None, lambda written, token: False)
    return model.stream.greedy(read, prompt.rest, ends, nothing, RunControl())


@pytest.mark.parametrize("before", [97, 301, 333])
def test_reading_tokens_at_once_equals_reading_one_by_one(
    filler: CausalFiller, before: int
) -> None:
    """Bit-exactly, so that verified drafts change nothing."""
    network, text = filler.model.network, torch.arange(1000, 1024 + before)

    def read(*pieces: int) -> torch.Tensor:
        slots = network.slots(8)
        parts = text.split([before, *pieces])
        return torch.cat([network.read(Rows(part), slots) for part in parts][1:])

    assert torch.equal(read(*[8] * 3), read(*[1] * 24))


@pytest.mark.parametrize(
    "drafting",
    [Drafting(masks=False), Drafting(lookup=False), Drafting()],
    ids=["look-up", "adapter", "both"],
)
def test_drafts_do_not_change_the_text(filler: CausalFiller, drafting: Drafting, capsys) -> None:
    model, ties, saved, gaps = filler.model, 0, 0, cut_gaps(20)
    assert model.masks is not None
    model.drafting = drafting
    for gap in gaps:
        prompt = model.layout.prompt(gap.request)
        drafted, _ = model.greedy(prompt, model.ends(1, 32), RunControl())
        single = alone(model, gap)
        saved += single.passes - drafted.passes
        if (drafted.tokens, drafted.last) == (single.tokens, single.last):
            continue
        pairs = zip((*drafted.tokens, drafted.last), (*single.tokens, single.last), strict=False)
        first = next(index for index, (one, other) in enumerate(pairs) if one != other)
        assert min(drafted.margins[first], single.margins[first]) < NEAR_TIE, gap.truth
        ties += 1
    with capsys.disabled():
        print(f"\ndrafts: {ties} of {len(gaps)} texts differ by a near tie, {saved} passes saved")
    assert ties <= 2
    assert saved > 0
