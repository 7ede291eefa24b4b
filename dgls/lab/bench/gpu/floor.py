"""The lower bound of a step's time: the bytes that it must read, at the memory's speed."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from dgls.lab.bench.gpu.subject import Subject
from dgls.network.fast.operations import Operations, Shape
from dgls.network.fast.step import Step, StepInputs, blank_inputs
from dgls.network.fast.weights import Layer
from dgls.network.past import Past, bytes_held


def bandwidth(device: torch.device, count: int) -> float:
    """The device's memory bandwidth in bytes per second: read and write of a copy."""
    source = torch.ones(count // 2, dtype=torch.uint8, device=device).view(torch.float16)
    target = torch.empty_like(source)
    best = 0.0
    for _ in range(8):
        _wait(device)
        begun = time.perf_counter()
        for _ in range(4):
            target.copy_(source)
        _wait(device)
        best = max(best, 4 * 2 * source.nbytes / (time.perf_counter() - begun))
    return best


@torch.inference_mode()
def experts_touched(subject: Subject, past: Past, width: int, rows: int) -> float:
    """The mean number of experts per layer that a step reads, on canvases of noise."""
    counting = _Counting(subject.network.operations)
    shape = Shape(rows, width)
    network = subject.network
    inputs = _noise(subject, shape)
    network.prefix.hold(past, width)
    step = network.step()
    Step(counting, step.body, step.turns, step.prefix, step.lengths).run(inputs, shape)
    return sum(counting.touched) / len(counting.touched)


def bytes_of_step(subject: Subject, past: Past, experts: float) -> float:
    """The bytes that a step must read if `experts` of each layer are used.

    All other weights once, the embedding twice (for the logits, and for their soft embeddings), and
    the prefix's keys and values.
    """
    body = subject.network.body
    routed = sum(_nbytes(layer.expert_up) + _nbytes(layer.expert_down) for layer in body.layers)
    share = experts / len(body.layers[0].expert_scale)
    rest = weight_bytes(subject) - routed
    prefix = past.visible()
    kept = sum(tensor.nbytes for tensor in (*prefix.keys, *prefix.values))
    return rest + share * routed + body.table.nbytes + kept


def weight_bytes(subject: Subject) -> int:
    """The bytes of all weights, each counted once."""
    body = subject.network.body
    found: list[Tensor] = [body.table, body.norm, body.signal_norm]
    for held in (body.signal_up, body.signal_down):
        found += _tensors(held)
    for layer in body.layers:
        found += _of_layer(layer)
    return bytes_held(found)


class _Counting:
    """Passes every operation on, and counts the experts that tokens are routed to."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self.touched: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operations, name)

    def experts(self, states: Tensor, chosen: Tensor, layer: Layer) -> Tensor:
        used = torch.unique(chosen)
        self.touched.append(int((used >= 0).sum()))
        return self._operations.experts(states, chosen, layer)


def _noise(subject: Subject, shape: Shape) -> StepInputs:
    inputs = blank_inputs(subject.network.body, shape, shape.rows * shape.canvas, None)
    inputs.tokens.copy_(subject.prompt(shape.rows * shape.canvas)[0])
    inputs.open.copy_(torch.arange(len(inputs.open)))
    return inputs


def _of_layer(layer: Layer) -> list[Tensor]:
    found = [*_tensors(layer.attention.qkv), *_tensors(layer.attention.out)]
    held = (layer.dense_up, layer.dense_down, layer.expert_up, layer.expert_down, layer.router)
    return found + [tensor for each in held for tensor in _tensors(each)]


def _tensors(held: Any) -> list[Tensor]:
    """The tensors that store a weight."""
    if isinstance(held, Tensor):
        return [held]
    return [getattr(held, name) for name in held.__slots__]


def _nbytes(held: Any) -> int:
    return sum(tensor.nbytes for tensor in _tensors(held))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
