"""Compares each kernel with plain torch on the measured weights: whether it runs, and its error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dgls.lab.bench.gpu.figures import Figure, Problem
from dgls.lab.bench.gpu.routes import Recorded, Replayed
from dgls.lab.bench.gpu.subject import Subject
from dgls.network.fast.body import read_canvas
from dgls.network.fast.operations import Operations, Picked, Shape
from dgls.network.fast.plain import PlainOperations
from dgls.network.fast.step import Step
from dgls.network.nf4 import Nf4
from dgls.network.quantization import Rows8

PART = "error of each kernel"


@torch.inference_mode()
def kernels(subject: Subject, bandwidth: float) -> Iterator[Figure | Problem]:
    """Every operation alone, then two whole layers, by kernels and in plain torch.

    An error is the norm of the difference divided by the norm of the expected result. If an
    operation fails, that is reported and the next one is tried, which shows which kernels work.
    """
    quick, plain = subject.kernels(), PlainOperations()
    for name, call in _Cases(subject, plain).all():
        try:
            error = error_of(call(quick), call(plain))
            yield Figure(PART, str(subject.scheme), name, error, "")
        except Exception as error:  # the other operations should still be tried
            yield Problem.of(f"kernels, {name}", str(subject.scheme), error)
            # Raises if the GPU is lost, which would fail all other operations too.
            subject.wait()
    yield from _few_layers(subject, quick, plain)


Call = Callable[[Operations], Any]


@dataclass(frozen=True, slots=True)
class _Cases:
    """The operations, with inputs like those of a step over one canvas."""

    subject: Subject
    plain: PlainOperations

    def all(self) -> Iterator[tuple[str, Call]]:
        """Names, and calls that return the results of given operations."""
        shape, body = Shape(1, self.subject.size.gap), self.subject.network.body
        yield "norm", lambda of: of.norm(self._states(shape), body.norm, body.eps)
        yield "embed", lambda of: of.embed(
            self.subject.prompt(shape.canvas)[0], body.table, body.scale, self._states(shape),
            body.norm, body.eps,
        )  # fmt: skip
        for index in _layers(self.subject):
            yield from self._attention(index, shape)
        layer = body.layers[0]
        yield (
            "after attention",
            lambda of: of.after_attention(
                self._states(shape), self._states(shape, 1), layer, body.eps
            ),
        )
        yield "gated", lambda of: of.gated(self._states(shape))
        yield "route", lambda of: self._routed(of, shape)
        # A whole canvas gives an expert more tokens, which uses other programs of the kernels.
        for tokens in (shape, Shape(1, self.subject.size.canvas)):
            yield f"experts, {tokens.canvas} tokens", self._experts(tokens)
        yield "after layer", self._after_layer(shape)
        yield "pick", self._pick(shape)
        yield from self._matrices(shape)

    def _attention(self, index: int, shape: Shape) -> Iterator[tuple[str, Call]]:
        network, size = self.subject.network, self.subject.size
        network.prefix.hold(self.subject.past(size.prefix), shape.canvas)
        step, layer = network.step(), network.body.layers[index]
        attention, eps = layer.attention, network.body.eps
        parts = attention.heads + attention.shared * (1 if attention.tied else 2)
        mapped = self._random(shape.canvas, parts * attention.dim)

        def heads(of: Operations) -> tuple[Tensor, Tensor, Tensor]:
            return of.heads(mapped, attention, step.turns[layer.kind], step.lengths, shape, eps)

        def attend(of: Operations) -> Tensor:
            query, key, value = (each.contiguous() for each in heads(self.plain))
            return of.attend(query, key, value, step.prefix[index], step.lengths, shape)

        yield f"heads, {layer.kind}", heads
        yield f"attend, {layer.kind}", attend

    def _routed(self, of: Operations, shape: Shape) -> Tensor:
        """The weight of each expert for each token: [tokens, experts]."""
        body, lengths = self.subject.network.body, self.subject.network.prefix.lengths
        layer = body.layers[0]
        scores = of.linear(self._states(shape), layer.router)
        chosen, shares = of.route(scores, layer.expert_scale, body.top, lengths, shape)
        return torch.zeros_like(scores, dtype=torch.float32).scatter(1, chosen.long(), shares)

    def _experts(self, shape: Shape) -> Call:
        body = self.subject.network.body
        scores = self._random(shape.canvas, len(body.layers[0].expert_scale))
        chosen = scores.topk(body.top, dim=-1).indices.int()
        return lambda of: of.experts(self._states(shape), chosen, body.layers[0])

    def _after_layer(self, shape: Shape) -> Call:
        body = self.subject.network.body
        layer, hidden = body.layers[0], body.table.shape[1]
        slots = self._random(shape.canvas, body.top * hidden).view(shape.canvas, body.top, hidden)
        shares = slots.new_full((shape.canvas, body.top), 1 / body.top, dtype=torch.float32)
        return lambda of: of.after_layer(
            self._states(shape), self._states(shape, 1), slots, shares, layer,
            layer.decoder_scale, body.norm, body.eps,
        )  # fmt: skip

    def _pick(self, shape: Shape) -> Call:
        body = self.subject.network.body
        logits = self._random(shape.canvas, len(body.table))
        race = torch.empty_like(logits, dtype=torch.float32)
        race.exponential_(generator=torch.Generator(logits.device).manual_seed(0))
        cold = torch.full((1,), 0.5, device=logits.device)
        # The call may overwrite its logits.
        return lambda of: of.pick(logits.clone(), race, cold, body.cap)

    def _matrices(self, shape: Shape) -> Iterator[tuple[str, Call]]:
        """Only 8 bits have their own kernel."""
        layer = self.subject.network.body.layers[0]
        matrices = {"attention's input": layer.attention.qkv, "dense input": layer.dense_up}
        for name, matrix in matrices.items():
            if isinstance(matrix, Rows8):
                yield f"linear, {name}", partial(self._linear, matrix, shape)

    def _linear(self, matrix: Rows8, shape: Shape, of: Operations) -> Tensor:
        return of.linear(self._states(shape), matrix)

    def _states(self, shape: Shape, seed: int = 0) -> Tensor:
        return self._random(shape.canvas, self.subject.network.body.table.shape[1], seed)

    def _random(self, rows: int, columns: int, seed: int = 0) -> Tensor:
        table = self.subject.network.body.table
        generator = torch.Generator(table.device).manual_seed(seed)
        return torch.randn(rows, columns, generator=generator, device=table.device).to(table.dtype)


def _few_layers(
    subject: Subject, quick: Operations, plain: PlainOperations
) -> Iterator[Figure | Problem]:
    """The errors of plain torch and the kernels after two layers, relative to fp32.

    All use the experts chosen in fp32: a single token with other experts would hide the rounding.
    """
    part, scheme = "error of two layers' logits, to fp32, the same experts", str(subject.scheme)
    size = subject.size
    subject.network.prefix.hold(subject.past(size.prefix), size.gap)
    step = subject.network.step()
    first, *_, last = _layers(subject)
    near = slice(last - 1, last + 1) if last > first else slice(first, first + 1)
    layers, reach = step.body.layers[near], step.prefix[near]
    cut = replace(step, body=replace(step.body, layers=layers), prefix=reach)
    wide = Recorded(plain)
    expected = logits_of(subject, replace(cut, operations=wide), wide=True)
    for name, operations in (("plain torch", plain), ("kernels", quick)):
        try:
            held = Replayed(operations, wide.chosen)
            found = logits_of(subject, replace(cut, operations=held))
            yield Figure(part, scheme, name, error_of(found, expected), "")
        except Exception as error:
            yield Problem.of(f"kernels, two layers, {name}", scheme, error)
            subject.wait()


def logits_of(subject: Subject, step: Step, *, wide: bool = False) -> Tensor:
    """The logits of a canvas; `wide` uses fp32 for everything that is not quantised."""
    if wide:
        step = _wide(step)
    body, canvas = step.body, subject.size.gap
    soft = body.table.new_zeros(canvas, body.table.shape[1])
    states = read_canvas(
        step.operations, body, subject.prompt(canvas)[0], soft, step.prefix, step.lengths,
        step.turns, Shape(1, canvas),
    )  # fmt: skip
    return torch.nn.functional.linear(states, body.table)


def _wide(held: Any) -> Any:
    """The same weight in fp32; quantised ones stay unchanged."""
    if isinstance(held, Tensor):
        return held.float() if held.is_floating_point() else held
    if isinstance(held, dict):
        return {name: _wide(each) for name, each in held.items()}
    if isinstance(held, tuple | list):
        return tuple(_wide(each) for each in held)
    if isinstance(held, Rows8 | Nf4) or not is_dataclass(held) or isinstance(held, type):
        return held
    return replace(held, **{each.name: _wide(getattr(held, each.name)) for each in fields(held)})


def _layers(subject: Subject) -> Sequence[int]:
    """The index of the first layer of each kind."""
    kinds = [layer.kind for layer in subject.network.body.layers]
    return sorted(kinds.index(kind) for kind in set(kinds))


def error_of(found: Any, expected: Any) -> float:
    """The largest error of the results; NaN if a result has a NaN, 0 if zeros are matched."""
    pairs = zip(_tensors(found), _tensors(expected), strict=True)
    return torch.stack([_relative(one - other, other) for one, other in pairs]).max().item()


def _relative(difference: Tensor, expected: Tensor) -> Tensor:
    size = difference.norm()
    # The signal of a first step is zero: 0 / 0.
    return torch.where(size == 0, size, size / expected.norm())


def _tensors(results: Any) -> list[Tensor]:
    """The results in fp32; of a `Picked` only the probabilities and the entropy."""
    if isinstance(results, Picked):
        results = (results.log_probs, results.entropy, results.likely)
    if isinstance(results, Tensor):
        results = (results,)
    return [each.float() for each in results]
