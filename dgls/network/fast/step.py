"""One denoise step as a function of tensors at fixed addresses, and its CUDA graph."""

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
"""Into how many products the probabilities times the embedding are split.

One product would be a tall sum with few results, in which a GPU has too little to do in parallel.
"""


@dataclass(frozen=True, slots=True)
class StepInputs:
    """The inputs of a step: canvases [tokens], soft embeddings [tokens, hidden] of the last step.

    `open` [positions] are the positions to read; `pinned` [tokens, hidden] the embeddings of known
    tokens. `race` [positions, vocab] are exponential draws, or None to take the likeliest token;
    `temperature` [1].
    """

    tokens: Tensor
    soft: Tensor
    open: Tensor
    pinned: Tensor
    race: Tensor | None
    temperature: Tensor


@dataclass(frozen=True, slots=True)
class StepOutputs:
    """The results at the open positions, [positions] each, and `soft` [tokens, hidden]."""

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
        """Read the canvases, and compute the soft embeddings for the next step."""
        states = read_canvas(
            self.operations, self.body, inputs.tokens, inputs.soft, self.prefix, self.lengths,
            self.turns, shape,
        )  # fmt: skip
        logits = self.operations.linear(states.index_select(0, inputs.open), self.body.table)
        picked = self.operations.pick(logits, inputs.race, inputs.temperature, self.body.cap)
        soft = inputs.pinned.index_copy(0, inputs.open, soft_embeddings(self.body, picked))
        return StepOutputs(picked.best, picked.log_probs, picked.entropy, picked.drawn, soft)


def soft_embeddings(body: Body, picked: Picked) -> Tensor:
    """The embeddings of all tokens, weighted by probability: [positions, hidden].

    A pinned token is certain and keeps its own embedding, as if its logits were one-hot.
    """
    vocab = body.table.shape[0]
    parts = min(_VOCAB_PARTS, vocab & -vocab)
    likely = picked.likely.view(len(picked.likely), parts, -1).transpose(0, 1)
    products = torch.bmm(likely, body.table.view(parts, -1, body.table.shape[1]))
    # Summed in fp32 without an fp32 copy, which would add 92 MB to every graph at 256 positions.
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
    """A step of one shape as a CUDA graph: one launch without allocations."""

    def __init__(self, step: Step, inputs: StepInputs, shape: Shape, pool: object) -> None:
        self.inputs = inputs
        self._replay = captured(lambda: step.run(inputs, shape), pool)

    def replay(self) -> StepOutputs:
        """Run the step on the present inputs; the next step overwrites the outputs."""
        return self._replay()


Result = TypeVar("Result")


def captured(run: Callable[[], Result], pool: object = None) -> Callable[[], Result]:
    """A function that repeats `run` as one CUDA graph, on the same tensors.

    Graphs with the same `pool` share memory for values within a run.
    """
    # Memory cached for other streams is unusable here, yet counts as reserved.
    torch.cuda.empty_cache()
    # First run outside the capture, because kernels cannot be compiled during a capture.
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(2):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    # Other threads may use the GPU meanwhile.
    mode = "thread_local"
    with torch.cuda.graph(graph, pool=pool, capture_error_mode=mode):  # type: ignore[arg-type]
        results = run()

    def replay() -> Result:
        graph.replay()
        return results

    return replay
