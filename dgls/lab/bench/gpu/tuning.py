"""Tries other tiles for the experts' kernels, to check the default ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from dgls.lab.bench.gpu.figures import Figure
from dgls.lab.bench.gpu.subject import Subject
from dgls.network.fast.step import captured
from dgls.network.fast.tiles import Limits, Tiles
from dgls.network.nf4 import Nf4

_WHOLE = (
    Limits(),
    Limits(widen_rows=64, narrow_rows=128),
    Limits(widen_rows=16, narrow_rows=32),
    Limits(widen_columns=64),
    Limits(widen_columns=256, stages=3),
    Limits(stages=3),
    Limits(stages=5),
)
_IN_4_BITS = (
    Limits(),
    Limits(nf4_rows=128),
    Limits(nf4_rows=32),
    Limits(nf4_blocks=2),
    Limits(nf4_blocks=4),
    Limits(nf4_warps=2),
    Limits(nf4_warps=1),
    Limits(nf4_rows=128, nf4_warps=2),
    Limits(nf4_rows=32, nf4_warps=1),
    Limits(stages=3),
    Limits(stages=2),
)


def tiles(subject: Subject, bandwidth: float) -> Iterator[Figure]:
    """The experts of one layer, for 64 tokens: the time, and its share of the lower bound."""
    operations = subject.network.operations
    usual = getattr(operations, "tiles", None)
    if usual is None:
        return
    layer = subject.network.body.layers[0]
    held = (layer.expert_up, layer.expert_down)
    least = sum(each.nbytes for each in held) / bandwidth
    tokens = 2 * subject.size.gap
    table = subject.network.body.table
    states = torch.randn(tokens, table.shape[1], device=table.device).to(table.dtype)
    scores = torch.randn(tokens, len(layer.expert_scale), device=table.device)
    chosen = scores.topk(subject.network.body.top, dim=-1).indices.int()
    failed = []
    candidates = _IN_4_BITS if isinstance(held[0], Nf4) else _WHOLE
    for limits in candidates:
        operations.tiles = Tiles(limits)  # type: ignore[attr-defined]
        try:
            seconds = _seconds(subject, lambda: operations.experts(states, chosen, layer))
            yield from _figures(subject, _changed(limits), seconds, least)
        except Exception as error:  # tiles may be too large for this GPU; others are not
            failed.append(f"{_changed(limits)}: {type(error).__name__}")
        finally:
            operations.tiles = usual  # type: ignore[attr-defined]
    up, down = held
    if isinstance(up, Tensor) and isinstance(down, Tensor) and up.dtype == torch.bfloat16:
        seconds = _seconds(subject, lambda: _grouped(states, chosen, up, down))
        yield from _figures(subject, "torch._grouped_mm, tokens sorted", seconds, least)
    if failed:
        raise RuntimeError(f"these tiles failed: {'; '.join(failed)}")


def _grouped(states: Tensor, chosen: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """The experts by torch's own grouped product, which the kernels must beat."""
    order = chosen.flatten().argsort()
    experts = torch.arange(len(up), device=up.device)
    # Not bincount, which syncs with the host.
    ends = (chosen.flatten() <= experts[:, None]).sum(dim=1, dtype=torch.int32)
    both = torch._grouped_mm(states[order // chosen.shape[1]], up.transpose(1, 2), ends)
    gate, gated = both.chunk(2, dim=-1)
    inner = functional.gelu(gate, approximate="tanh") * gated
    return torch._grouped_mm(inner, down.transpose(1, 2), ends)


def _figures(subject: Subject, what: str, seconds: float, least: float) -> Iterator[Figure]:
    part, scheme = "experts of one layer, other tiles", str(subject.scheme)
    yield Figure(part, scheme, what, 1e6 * seconds, "µs")
    yield Figure(part, scheme, f"{what}: share of the floor", 100 * least / seconds, "%")


def _changed(limits: Limits) -> str:
    """The differences from the default tiles."""
    usual = Limits()
    names = [name for name in Limits.__slots__ if getattr(limits, name) != getattr(usual, name)]
    return ", ".join(f"{name} {getattr(limits, name)}" for name in names) or "as usual"


@torch.inference_mode()
def _seconds(subject: Subject, run: Callable[[], object]) -> float:
    """Seconds of one run, without the launch on the host."""
    launched = captured(run) if subject.device.type == "cuda" else run
    launched()
    begun = subject.now()
    for _ in range(subject.size.repeats):
        launched()
    return (subject.now() - begun) / subject.size.repeats
