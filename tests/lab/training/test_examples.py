"""An example has the layout of the same request, and padding never hides a target."""

from __future__ import annotations

import random

import torch
from hypothesis import given
from hypothesis import strategies as st

from dgls.canvas.infill import END, PAD, InfillBudget, InfillLayout
from dgls.lab.training.batches import collate
from dgls.lab.training.documents import Document
from dgls.lab.training.examples import Example, lay_out
from dgls.lab.training.gaps import draw_gaps
from dgls.protocol import FillRequest
from dgls.text.spans import Span, split_at
from tests.canvas.test_infill import CODEC
from tests.lab.training.test_gaps import SOURCE

LAYOUT = InfillLayout(CODEC, InfillBudget(window=512, line_slots=24))


def example(gap: Span, seed: int = 0, width: int = 32) -> Example:
    made = lay_out(LAYOUT, Document("a.py", SOURCE), (gap,), width, random.Random(seed))
    assert made is not None
    return made


def test_the_prompt_equals_the_one_at_inference() -> None:
    gap = Span(SOURCE.index("width < 0"), SOURCE.index("width < 0") + 9)
    request = FillRequest(parts=split_at(SOURCE, (gap,)), path="a.py")
    built = LAYOUT.build(request)
    made = example(gap)
    assert made.prompt == built.prompt
    assert CODEC.show(made.middle) == "width < 0<end>"
    assert len(made.canvas) == len(built.tokens)
    assert made.canvas[built.gaps[0].end :] == built.tokens[built.gaps[0].end :]


@given(st.integers(0, 5000))
def test_a_gap_reads_back_as_its_text(seed: int) -> None:
    rng = random.Random(seed)
    gaps = draw_gaps(SOURCE, rng)
    made = lay_out(LAYOUT, Document("", SOURCE), gaps, 128, rng)
    if made is None:
        return
    texts = [gap.of(SOURCE) for gap in gaps]
    pad, end = CODEC.token_id(PAD), CODEC.token_id(END)
    for span, text in zip(made.gaps, texts, strict=True):
        tokens = made.canvas[span.start : span.end]
        assert CODEC.decode(tokens) == text
        assert tokens[len(text)] == end
        assert set(tokens[len(text) + 1 :]) <= {pad}
        assert all(made.open[span.start : span.end])


def test_a_batch_pads_on_the_right_and_counts_real_tokens() -> None:
    short, long = example(Span(0, 4)), example(Span(60, 75))
    batch = collate([short, long])
    assert batch.causal_length.tolist() == [
        len(made.prompt) + len(made.middle) for made in (short, long)
    ]
    row = int(batch.causal_length.argmin())
    assert (batch.causal[row, int(batch.causal_length[row]) :] == 0).all()
    assert batch.rank.dtype == torch.float32
    assert float(batch.rank.max()) == 1.0
