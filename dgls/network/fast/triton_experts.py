"""The experts of a layer as Triton kernels, in the precision in which they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from dgls.network.fast.kernels import experts as expert_kernels
from dgls.network.fast.kernels import routing
from dgls.network.fast.tiles import Tiles
from dgls.network.fast.weights import Layer
from dgls.network.nf4 import BLOCK as NF4_BLOCK
from dgls.network.nf4 import LEVELS, Nf4
from dgls.network.quantization import Rows8


def experts(states: Tensor, chosen: Tensor, layer: Layer, tiles: Tiles) -> Tensor:
    """`Operations.experts`, with two launches for all experts: one widens, one narrows."""
    products = _Products(tiles, chosen, *_gathered(chosen, layer.router.shape[0]))
    if isinstance(layer.expert_up, Nf4):
        assert isinstance(layer.expert_down, Nf4)
        inner = products.widen_nf4(states, layer.expert_up)
        out = products.narrow_nf4(inner, layer.expert_down)
    else:
        assert not isinstance(layer.expert_down, Nf4)
        inner = products.widen(states, layer.expert_up)
        out = products.narrow(inner, layer.expert_down)
    return out.view(*chosen.shape, -1)


@dataclass(frozen=True, slots=True)
class _Products:
    """A layer's experts times the tokens routed to them.

    `chosen` are the experts [tokens, top], `slots` the slots of each expert [experts, tokens], and
    `counts` their numbers [experts].
    """

    tiles: Tiles
    chosen: Tensor
    slots: Tensor
    counts: Tensor

    def widen(self, states: Tensor, held: Tensor | Rows8) -> Tensor:
        weight, scales = _parts(held)
        experts, both, depth = weight.shape
        width = both // 2
        inner = states.new_empty(self.chosen.numel(), width)
        tile = self.tiles.widen(self.slots.shape[1], width, depth)
        expert_kernels.widen[(width // tile.rows, experts)](
            states, weight, scales, self.slots, self.counts, inner, self.slots.shape[1],
            TOP=self.chosen.shape[1], DEPTH=depth, WIDTH=width, SCALED=scales is not weight,
            BLOCK_M=tile.tokens, BLOCK_N=tile.rows, BLOCK_K=tile.columns,
            num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip
        return inner

    def narrow(self, inner: Tensor, held: Tensor | Rows8) -> Tensor:
        weight, scales = _parts(held)
        experts, width, depth = weight.shape
        out = inner.new_empty(inner.shape[0], width)
        tile = self.tiles.narrow(self.slots.shape[1], width, depth)
        expert_kernels.narrow[(width // tile.rows, experts)](
            inner, weight, scales, self.slots, self.counts, out, self.slots.shape[1],
            DEPTH=depth, WIDTH=width, SCALED=scales is not weight,
            BLOCK_M=tile.tokens, BLOCK_N=tile.rows, BLOCK_K=tile.columns,
            num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip
        return out

    def widen_nf4(self, states: Tensor, weight: Nf4) -> Tensor:
        experts, both, half = weight.packed.shape
        width = both // 2
        inner = states.new_empty(self.chosen.numel(), width)
        tile = self.tiles.widen_nf4(self.slots.shape[1], width, 2 * half)
        evens, odds = _even_and_odd(states)
        expert_kernels.widen_nf4[(width // tile.rows, experts)](
            evens, odds, weight.packed, weight.absmax, _levels(states.device, states.dtype),
            self.slots, self.counts, inner, self.slots.shape[1],
            TOP=self.chosen.shape[1], DEPTH=2 * half, WIDTH=width,
            BLOCK_M=tile.tokens, BLOCK_N=tile.rows, UNROLL=tile.columns // NF4_BLOCK,
            num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip
        return inner

    def narrow_nf4(self, inner: Tensor, weight: Nf4) -> Tensor:
        experts, width, half = weight.packed.shape
        out = inner.new_empty(inner.shape[0], width)
        tile = self.tiles.narrow_nf4(self.slots.shape[1], width, 2 * half)
        evens, odds = _even_and_odd(inner)
        expert_kernels.narrow_nf4[(width // tile.rows, experts)](
            evens, odds, weight.packed, weight.absmax, _levels(inner.device, inner.dtype),
            self.slots, self.counts, out, self.slots.shape[1], DEPTH=2 * half, WIDTH=width,
            BLOCK_M=tile.tokens, BLOCK_N=tile.rows, UNROLL=tile.columns // NF4_BLOCK,
            num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip
        return out


@lru_cache(maxsize=8)
def _levels(device: torch.device, kind: torch.dtype) -> Tensor:
    """The 16 levels of NF4, in the precision of the multiplication."""
    return torch.tensor(LEVELS, dtype=kind, device=device)


def _gathered(chosen: Tensor, experts: int) -> tuple[Tensor, Tensor]:
    """The slots of each expert [experts, tokens] and their numbers [experts]."""
    tokens = chosen.shape[0]
    slots = torch.empty(experts, tokens, dtype=torch.int32, device=chosen.device)
    counts = torch.empty(experts, dtype=torch.int32, device=chosen.device)
    block = min(2048, power_of_two(chosen.numel()))
    routing.gather[(experts,)](chosen, slots, counts, chosen.numel(), tokens, BLOCK=block)
    return slots, counts


def _parts(held: Tensor | Rows8) -> tuple[Tensor, Tensor]:
    """Weights and their scales; the weights twice if there are no scales."""
    return (held.steps, held.scale) if isinstance(held, Rows8) else (held, held)


def _even_and_odd(states: Tensor) -> tuple[Tensor, Tensor]:
    """Even and odd columns, each as a separate tensor."""
    evens, odds = states.view(len(states), -1, 2).permute(2, 0, 1).contiguous().unbind()
    return evens, odds


def power_of_two(number: int) -> int:
    """The smallest power of two that is not smaller, at least 16: a valid Triton block size."""
    return max(16, 1 << (number - 1).bit_length())
