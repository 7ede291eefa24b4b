"""One denoise step as a function of tensors that stay in their places, and its CUDA graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from dgls.network.fast.body import Body, read_canvas
from dgls.network.fast.operations import Lengths, Operations, Picked, Reach, Shape, Turns
from dgls.network.fast.plain import embeddings

_VOCAB_PARTS = 32
"""Into how many products the probabilities times the embedding are split: one alone is a tall sum
with few results, for which a GPU finds too little to do at a time."""


@dataclass(frozen=True, slots=True)
class StepInputs:
    """What a step reads: canvases [tokens], soft embeddings [tokens, hidden] of the step before.

    `open` [positions] are the places to be read; `pinned` [tokens, hidden] the embeddings of
    known tokens. `race` [positions, vocab] are exponential draws, or None to draw the likeliest
    token; `temperature` [1].
    """

    tokens: Tensor
    soft: Tensor
    open: Tensor
    pinned: Tensor
    race: Tensor | None
    temperature: Tensor


@dataclass(frozen=True, slots=True)
class StepOutputs:
    """What is read at the open places, [positions] each, and `soft` [tokens, hidden]."""

    best: Tensor
    log_probs: Tensor
    entropy: Tensor
    drawn: Tensor
    soft: Tensor


@dataclass(frozen=True, slots=True)
class Step:
    """One step over buffers of one prefix; the same code runs eagerly and under capture."""

    operations: Operations
    body: Body
    turns: dict[str, Turns]
    prefix: Sequence[Reach]
    lengths: Lengths

    def run(self, inputs: StepInputs, shape: Shape) -> StepOutputs:
        """Read the canvases and what follows from it for the next step."""
        states = read_canvas(
            self.operations, self.body, inputs.tokens, inputs.soft, self.prefix, self.lengths,
            self.turns, shape,
        )  # fmt: skip
        logits = self.operations.linear(states.index_select(0, inputs.open), self.body.table)
        picked = self.operations.pick(logits, inputs.race, inputs.temperature, self.body.cap)
        soft = inputs.pinned.index_copy(0, inputs.open, soft_embeddings(self.body, picked))
        return StepOutputs(picked.best, picked.log_probs, picked.entropy, picked.drawn, soft)


def soft_embeddings(body: Body, picked: Picked) -> Tensor:
    """The embeddings of all tokens, weighted by how likely each is: [positions, hidden].

    A pinned token, which is certain, has its own embedding: as if its logits were one-hot.
    """
    vocab = body.table.shape[0]
    parts = min(_VOCAB_PARTS, vocab & -vocab)
    likely = picked.likely.view(len(picked.likely), parts, -1).transpose(0, 1)
    products = torch.bmm(likely, body.table.view(parts, -1, body.table.shape[1]))
    # In fp32 as it sums, not as a copy: at 256 positions that would be 92 MB of every graph.
    summed = products.sum(dim=0, dtype=torch.float32).type_as(body.table)
    return summed * torch.tensor(body.scale, dtype=body.table.dtype)


def blank_inputs(body: Body, shape: Shape, positions: int, race: Tensor | None) -> StepInputs:
    """Inputs of the right shapes, for a graph to read from."""
    table = body.table
    tokens = torch.zeros(shape.rows * shape.canvas, dtype=torch.int64, device=table.device)
    soft = table.new_zeros(len(tokens), table.shape[1])
    places = torch.zeros(positions, dtype=torch.int64, device=table.device)
    temperature = torch.ones(1, dtype=torch.float32, device=table.device)
    pinned = embeddings(tokens, table, body.scale)
    return StepInputs(tokens, soft, places, pinned, race, temperature)


class CapturedStep:
    """A step of one shape as a CUDA graph: a single launch, and not a byte allocated."""

    def __init__(self, step: Step, inputs: StepInputs, shape: Shape, pool: object) -> None:
        self.inputs = inputs
        self._replay = captured(lambda: step.run(inputs, shape), pool)

    def replay(self) -> StepOutputs:
        """The step on what the inputs hold now; the outputs are overwritten by the next one."""
        return self._replay()


Result = TypeVar("Result")


def captured(run: Callable[[], Result], pool: object = None) -> Callable[[], Result]:
    """What runs `run` again as one CUDA graph, on the same tensors, and gives the same results.

    Graphs that are given the same `pool` share what lives within a run only.
    """
    # What other streams keep for later is of no use to the next one, and counts as reserved.
    torch.cuda.empty_cache()
    # First beside the current stream: kernels cannot be compiled while capturing.
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(2):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    # Other threads may go on using the GPU meanwhile.
    mode = "thread_local"
    with torch.cuda.graph(graph, pool=pool, capture_error_mode=mode):  # type: ignore[arg-type]
        results = run()

    def replay() -> Result:
        graph.replay()
        return results

    return replay
