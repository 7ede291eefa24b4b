"""The operations as Triton kernels: few launches a layer, none of which asks the host anything."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dgls.network.fast.kernels import attention as attention_kernels
from dgls.network.fast.kernels import experts as expert_kernels
from dgls.network.fast.kernels import norms, reading, routing
from dgls.network.fast.operations import Lengths, Picked, Reach, Shape, Turns
from dgls.network.fast.tiles import Tiles
from dgls.network.fast.weights import Attention, Layer, Matrix
from dgls.network.nf4 import BLOCK as NF4_BLOCK
from dgls.network.nf4 import LEVELS, Nf4
from dgls.network.quantization import Rows8

_VOCAB_BLOCK = 4096


class TritonOperations:
    """`dgls.network.fast.operations.Operations` for CUDA, or for Triton's interpreter in tests.

    Nothing is allocated but results, and no size depends on what a tensor holds, so a pass made
    of these can be captured as a CUDA graph.
    """

    def __init__(self, tiles: Tiles | None = None) -> None:
        self.tiles = tiles or Tiles()
        self._known: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def norm(self, states: Tensor, weight: Tensor, eps: float) -> Tensor:
        tokens, width = states.shape
        out = torch.empty_like(states)
        norms.scaled_norm[(tokens,)](states, weight, out, width, eps, BLOCK=_power(width))
        return out

    def linear(self, states: Tensor, matrix: Matrix) -> Tensor:
        if isinstance(matrix, Rows8):
            return self._linear8(states, matrix)
        return functional.linear(states, matrix)

    def embed(
        self,
        tokens: Tensor,
        table: Tensor,
        scale: float,
        signal: Tensor,
        first_norm: Tensor,
        eps: float,
    ) -> tuple[Tensor, Tensor]:
        count, width = signal.shape
        out, normed = torch.empty_like(signal), torch.empty_like(signal)
        norms.embed[(count,)](
            tokens, table, signal, out, first_norm, normed, width, scale, eps,
            BLOCK=_power(width),
        )  # fmt: skip
        return out, normed

    def heads(
        self,
        parts: Tensor,
        attention: Attention,
        turns: Turns,
        lengths: Lengths,
        shape: Shape,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        tokens, dim = parts.shape[0], attention.dim
        queries = parts.new_empty(tokens, attention.heads, dim)
        keys = parts.new_empty(shape.rows, attention.shared, shape.canvas, dim)
        values = torch.empty_like(keys)
        programs = (tokens, parts.shape[1] // dim)
        attention_kernels.heads[programs](
            parts, attention.query_norm, attention.key_norm, turns.cosines, turns.sines,
            lengths.device, queries, keys, values, shape.canvas, eps,
            HEADS=attention.heads, SHARED=attention.shared, TIED=attention.tied, DIM=dim,
            num_warps=1,
        )  # fmt: skip
        return queries, keys, values

    def attend(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        prefix: Reach,
        lengths: Lengths,
        shape: Shape,
    ) -> Tensor:
        tokens, heads, dim = queries.shape
        shared = keys.shape[1]
        tile = self.tiles.attention(dim)
        blocks = _blocks(shape.canvas * heads // shared, tile.queries)
        splits = self.tiles.splits(blocks * shape.rows * shared, prefix.keys.shape[1])
        parts = queries.new_empty(splits + 1, tokens, heads, dim, dtype=torch.float32)
        peaks = queries.new_empty(splits + 1, tokens, heads, dtype=torch.float32)
        sums = torch.empty_like(peaks)
        attention_kernels.attend[(blocks, shape.rows * shared, splits + 1)](
            queries, prefix.keys, prefix.values, keys, values, lengths.device,
            parts, peaks, sums, shape.canvas, prefix.keys.shape[1],
            KEPT=prefix.kept, HEADS=heads, SHARED=shared, DIM=dim, SPLITS=splits,
            BLOCK_Q=tile.queries, BLOCK_K=tile.keys, num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip
        out = queries.new_empty(tokens, heads * dim)
        attention_kernels.merge[(tokens * heads,)](
            parts, peaks, sums, out, tokens * heads, DIM=dim, PARTS=splits + 1, num_warps=1
        )
        return out

    def after_attention(
        self, residual: Tensor, attended: Tensor, layer: Layer, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        tokens, width = residual.shape
        out, dense, expert, router = (torch.empty_like(residual) for _ in range(4))
        norms.after_attention[(tokens,)](
            residual, attended, layer.after_attention, layer.before_dense, layer.before_expert,
            layer.router_scale, out, dense, expert, router, width, eps, BLOCK=_power(width),
        )  # fmt: skip
        return out, dense, expert, router

    def gated(self, both: Tensor) -> Tensor:
        tokens, width = both.shape[0], both.shape[1] // 2
        out = both.new_empty(tokens, width)
        block = min(1024, _power(width))
        norms.gated[(tokens, _blocks(width, block))](both, out, width, BLOCK=block)
        return out

    def route(
        self, scores: Tensor, scale: Tensor, top: int, lengths: Lengths, shape: Shape
    ) -> tuple[Tensor, Tensor]:
        tokens, experts = scores.shape
        chosen = torch.empty(tokens, top, dtype=torch.int32, device=scores.device)
        shares = torch.empty(tokens, top, dtype=torch.float32, device=scores.device)
        routing.route[(tokens,)](
            scores, scale, lengths.device, chosen, shares, shape.canvas,
            EXPERTS=experts, TOP=top, BLOCK=_power(experts), num_warps=1,
        )  # fmt: skip
        return chosen, shares

    def experts(self, states: Tensor, chosen: Tensor, layer: Layer) -> Tensor:
        slots, counts = _gathered(chosen, layer.router.shape[0])
        if isinstance(layer.expert_up, Nf4):
            assert isinstance(layer.expert_down, Nf4)
            inner = self._widen_nf4(states, layer.expert_up, chosen, slots, counts)
            out = self._narrow_nf4(inner, layer.expert_down, slots, counts)
        else:
            assert not isinstance(layer.expert_down, Nf4)
            inner = self._widen(states, layer.expert_up, chosen, slots, counts)
            out = self._narrow(inner, layer.expert_down, slots, counts)
        return out.view(*chosen.shape, -1)

    def after_layer(
        self,
        residual: Tensor,
        dense: Tensor,
        slots: Tensor,
        shares: Tensor,
        layer: Layer,
        layer_scale: Tensor,
        next_norm: Tensor,
        eps: float,
    ) -> tuple[Tensor, Tensor]:
        tokens, width = residual.shape
        out, normed = torch.empty_like(residual), torch.empty_like(residual)
        norms.after_layer[(tokens,)](
            residual, dense, slots, shares, layer.after_dense, layer.after_expert,
            layer.after_both, layer_scale, next_norm, out, normed, width, eps,
            TOP=slots.shape[1], BLOCK=_power(width),
        )  # fmt: skip
        return out, normed

    def pick(self, logits: Tensor, race: Tensor | None, temperature: Tensor, cap: float) -> Picked:
        positions, vocab = logits.shape
        block = min(_VOCAB_BLOCK, _power(vocab))
        chunks = _blocks(vocab, block)
        floats = [logits.new_empty(positions, chunks, dtype=torch.float32) for _ in range(4)]
        places = [logits.new_empty(positions, chunks, dtype=torch.int32) for _ in range(2)]
        peaks, sums, weighted, leads = floats
        draw = race is not None
        reading.read_chunk[(positions, chunks)](
            logits, race if race is not None else logits, temperature, peaks, places[0], sums,
            weighted, leads, places[1], vocab, cap, DRAW=draw, BLOCK=block,
        )  # fmt: skip
        numbers = [logits.new_empty(positions, dtype=torch.float32) for _ in range(3)]
        tokens = [logits.new_empty(positions, dtype=torch.int64) for _ in range(2)]
        reading.read_position[(positions,)](
            peaks, places[0], sums, weighted, leads, places[1],
            tokens[0], numbers[0], numbers[1], tokens[1], numbers[2],
            CHUNKS=chunks, DRAW=draw, BLOCK=_power(chunks), num_warps=1,
        )  # fmt: skip
        reading.likely[(positions, chunks)](
            logits, temperature, numbers[2], vocab, cap, BLOCK=block
        )
        return Picked(tokens[0], numbers[0], numbers[1], tokens[1], likely=logits)

    def _widen(
        self, states: Tensor, held: Tensor | Rows8, chosen: Tensor, slots: Tensor, counts: Tensor
    ) -> Tensor:
        weight, scales = _parts(held)
        experts, both, depth = weight.shape
        width = both // 2
        inner = states.new_empty(chosen.numel(), width)
        tile = self.tiles.widen(slots.shape[1], width, depth)
        expert_kernels.widen[(width // tile.rows, experts)](
            states, weight, scales, slots, counts, inner, slots.shape[1],
            TOP=chosen.shape[1], DEPTH=depth, WIDTH=width, SCALED=scales is not weight,
            BLOCK_M=tile.tokens, BLOCK_N=tile.rows, BLOCK_K=tile.columns,
            num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip
        return inner

    def _narrow(self, inner: Tensor, held: Tensor | Rows8, slots: Tensor, counts: Tensor) -> Tensor:
        weight, scales = _parts(held)
        experts, width, depth = weight.shape
        out = inner.new_empty(inner.shape[0], width)
        tile = self.tiles.narrow(slots.shape[1], width, depth)
        expert_kernels.narrow[(width // tile.rows, experts)](
            inner, weight, scales, slots, counts, out, slots.shape[1], DEPTH=depth, WIDTH=width,
            SCALED=scales is not weight,
            BLOCK_M=tile.tokens, BLOCK_N=tile.rows, BLOCK_K=tile.columns,
            num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip
        return out

    def _widen_nf4(
        self, states: Tensor, weight: Nf4, chosen: Tensor, slots: Tensor, counts: Tensor
    ) -> Tensor:
        experts, both, half = weight.packed.shape
        width = both // 2
        inner = states.new_empty(chosen.numel(), width)
        tile = self.tiles.widen_nf4(slots.shape[1], width, 2 * half)
        evens, odds = _apart(states)
        expert_kernels.widen_nf4[(width // tile.rows, experts)](
            evens, odds, weight.packed, weight.absmax, self._levels(states), slots, counts, inner,
            slots.shape[1], TOP=chosen.shape[1], DEPTH=2 * half, WIDTH=width,
            BLOCK_M=tile.tokens, BLOCK_N=tile.rows, UNROLL=tile.columns // NF4_BLOCK,
            num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip
        return inner

    def _narrow_nf4(self, inner: Tensor, weight: Nf4, slots: Tensor, counts: Tensor) -> Tensor:
        experts, width, half = weight.packed.shape
        out = inner.new_empty(inner.shape[0], width)
        tile = self.tiles.narrow_nf4(slots.shape[1], width, 2 * half)
        evens, odds = _apart(inner)
        expert_kernels.narrow_nf4[(width // tile.rows, experts)](
            evens, odds, weight.packed, weight.absmax, self._levels(inner), slots, counts, out,
            slots.shape[1], DEPTH=2 * half, WIDTH=width,
            BLOCK_M=tile.tokens, BLOCK_N=tile.rows, UNROLL=tile.columns // NF4_BLOCK,
            num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip
        return out

    def _levels(self, like: Tensor) -> Tensor:
        """The 16 levels of NF4, in the precision in which they are multiplied."""
        kind = (like.device, like.dtype)
        if kind not in self._known:
            self._known[kind] = torch.tensor(LEVELS, dtype=like.dtype, device=like.device)
        return self._known[kind]

    def _linear8(self, states: Tensor, matrix: Rows8) -> Tensor:
        tokens, depth = states.shape
        width = matrix.steps.shape[0]
        out = states.new_empty(tokens, width)
        tile = self.tiles.rows8(tokens, width, depth)
        programs = (width // tile.rows, _blocks(tokens, tile.tokens))
        expert_kernels.rows8[programs](
            states, matrix.steps, matrix.scale, out, tokens, DEPTH=depth, WIDTH=width,
            BLOCK_M=tile.tokens, BLOCK_N=tile.rows, BLOCK_K=tile.columns,
            num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip
        return out


def _gathered(chosen: Tensor, experts: int) -> tuple[Tensor, Tensor]:
    """The slots of each expert [experts, tokens] and how many they are [experts]."""
    tokens = chosen.shape[0]
    slots = torch.empty(experts, tokens, dtype=torch.int32, device=chosen.device)
    counts = torch.empty(experts, dtype=torch.int32, device=chosen.device)
    block = min(2048, _power(chosen.numel()))
    routing.gather[(experts,)](chosen, slots, counts, chosen.numel(), tokens, BLOCK=block)
    return slots, counts


def _parts(held: Tensor | Rows8) -> tuple[Tensor, Tensor]:
    """Weights and their scales; the weights again where there are none."""
    return (held.steps, held.scale) if isinstance(held, Rows8) else (held, held)


def _apart(states: Tensor) -> tuple[Tensor, Tensor]:
    """Even and odd columns, each as a tensor of its own."""
    evens, odds = states.view(len(states), -1, 2).permute(2, 0, 1).contiguous().unbind()
    return evens, odds


def _blocks(count: int, block: int) -> int:
    return -(-count // block)


def _power(number: int) -> int:
    """The least power of two that is not smaller, at least 16: Triton's blocks have such sizes."""
    return max(16, 1 << (number - 1).bit_length())
