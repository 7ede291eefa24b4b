"""Reads canvases after one prefix, one captured step at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dgls.diffusion.reading import Reading
from dgls.network.fast.operations import Shape
from dgls.network.fast.plain import embeddings
from dgls.network.fast.step import CapturedStep, StepInputs, StepOutputs, blank_inputs
from dgls.network.past import Past

if TYPE_CHECKING:
    from dgls.network.fast.network import FastNetwork

BUCKETS = (16, 32, 64, 128, 256)
"""Canvas sizes that steps are captured for."""

_MAX_CAPTURED = 24
"""At most this many graphs are kept, because each takes memory; capturing is quick."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where a canvas lies in a step's inputs: [rows, width] in [rows, bucket].

    `places` are the open positions, counted over [rows, bucket] and padded to the step's size; the
    first `opened` are real, at `targets` over [rows, width].
    """

    open: Tensor
    inputs: StepInputs
    captured: CapturedStep | None
    shape: Shape
    opened: int
    targets: Tensor


class CanvasReader:
    """`dgls.diffusion.reading.Reader` of a `FastNetwork`: logits exist at open positions only.

    A pinned position conditions the next step by its own token, not by the model's prediction. A
    reading's `conditioning` is valid until the next `read`.
    """

    def __init__(self, network: FastNetwork, past: Past) -> None:
        self._network = network
        self._past = past
        self._plan: _Plan | None = None

    @torch.inference_mode()
    def read(
        self,
        tokens: Tensor,
        open_: Tensor,
        conditioning: Tensor | None,
        temperature: float,
        generator: torch.Generator | None,
    ) -> Reading:
        """As `Reader`; open positions are looked up again only for another `open_` tensor."""
        plan = self._planned(tokens, open_, drawing=generator is not None)
        self._network.prefix.hold(self._past, tokens.shape[1])
        inputs, width = plan.inputs, tokens.shape[1]
        inputs.tokens.view(plan.shape.rows, -1)[:, :width].copy_(tokens)
        inputs.temperature.fill_(temperature)
        if conditioning is None:
            inputs.soft.zero_()
        else:
            inputs.soft.view(plan.shape.rows, plan.shape.canvas, -1)[:, :width].copy_(conditioning)
        if inputs.race is not None:
            inputs.race.exponential_(generator=generator)
        return _reading(plan, self._run(plan), tokens, self._network.vocabulary)

    def _run(self, plan: _Plan) -> StepOutputs:
        if plan.captured is not None:
            return plan.captured.replay()
        return self._network.step().run(plan.inputs, plan.shape)

    def _planned(self, tokens: Tensor, open_: Tensor, *, drawing: bool) -> _Plan:
        plan = self._plan
        if plan is None or plan.open is not open_ or (plan.inputs.race is not None) != drawing:
            # The places are the only values that a fill copies from the device.
            plan = self._new_plan(tokens, open_, drawing=drawing)
            self._plan = plan
        return plan

    def _new_plan(self, tokens: Tensor, open_: Tensor, *, drawing: bool) -> _Plan:
        rows, width = tokens.shape
        targets = open_.flatten().nonzero().flatten()
        opened = len(targets)
        canvas = next((size for size in self._network.buckets if size >= width), width)
        shape = Shape(rows, canvas)
        steps = self._network.captured
        captured = None
        if self._network.captures:
            captured = steps.get(shape, steps.positions(opened), drawing=drawing)
            inputs = captured.inputs
        else:
            inputs = steps.inputs(shape, max(1, opened), drawing=drawing)
        places = targets // width * canvas + targets % width
        inputs.open.copy_(_filled(places, len(inputs.open)))
        inputs.tokens.zero_()
        inputs.soft.zero_()
        inputs.tokens.view(rows, canvas)[:, :width].copy_(tokens)
        body = self._network.body
        inputs.pinned.copy_(embeddings(inputs.tokens, body.table, body.scale))
        return _Plan(open_, inputs, captured, shape, opened, targets)


class CapturedSteps:
    """The steps captured so far, which share memory for values within a step."""

    def __init__(self, network: FastNetwork) -> None:
        self._network = network
        self._steps: dict[tuple[Shape, int, bool], CapturedStep] = {}
        self._race: Tensor | None = None
        self._pool: object = None

    def positions(self, opened: int) -> int:
        """The positions of a step that reads `opened` ones: the next power of two."""
        return max(16, 1 << (opened - 1).bit_length()) if opened else 16

    def get(self, shape: Shape, positions: int, *, drawing: bool) -> CapturedStep:
        """The captured step of that shape; captured on first use, which takes a while."""
        key = (shape, positions, drawing)
        step = self._steps.pop(key, None) or self._captured(shape, positions, drawing=drawing)
        # Kept in order of use: the last used step is the last entry.
        self._steps[key] = step
        return step

    def _captured(self, shape: Shape, positions: int, *, drawing: bool) -> CapturedStep:
        while len(self._steps) >= _MAX_CAPTURED:
            del self._steps[next(iter(self._steps))]
        inputs = self.inputs(shape, positions, drawing=drawing)
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        self._network.prefix.pretend(shape.canvas)
        return CapturedStep(self._network.step(), inputs, shape, self._pool)

    def inputs(self, shape: Shape, positions: int, *, drawing: bool) -> StepInputs:
        """Blank inputs; all steps share one tensor for random draws."""
        race = self._draws(positions) if drawing else None
        return blank_inputs(self._network.body, shape, positions, race)

    def _draws(self, positions: int) -> Tensor:
        if self._race is None or len(self._race) < positions:
            table = self._network.body.table
            # Steps that were captured before keep the old tensor.
            self._race = torch.ones(
                positions, table.shape[0], dtype=torch.float32, device=table.device
            )
        return self._race[:positions]


def _filled(places: Tensor, size: int) -> Tensor:
    """`places` padded to `size` with its last one; zeros if it is empty."""
    if len(places) == 0:
        return places.new_zeros(size)
    return torch.cat([places, places[-1:].expand(size - len(places))])


def _reading(plan: _Plan, outputs: StepOutputs, tokens: Tensor, vocabulary: int) -> Reading:
    def spread(values: Tensor, around: Tensor) -> Tensor:
        flat = around.flatten().index_copy(0, plan.targets, values[: plan.opened])
        return flat.view(tokens.shape)

    nothing = torch.zeros(tokens.shape, dtype=torch.float32, device=tokens.device)
    soft = outputs.soft.view(plan.shape.rows, plan.shape.canvas, -1)[:, : tokens.shape[1]]
    return Reading(
        best=spread(outputs.best, tokens),
        log_probs=spread(outputs.log_probs, nothing),
        entropy=spread(outputs.entropy, nothing),
        drawn=spread(outputs.drawn, tokens),
        conditioning=soft,
        vocabulary=vocabulary,
    )
