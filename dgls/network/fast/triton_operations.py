"""The operations as Triton kernels: few launches per layer, none of which syncs with the host."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dgls.network.fast.kernels import attention as attention_kernels
from dgls.network.fast.kernels import experts as expert_kernels
from dgls.network.fast.kernels import norms, reading, routing
from dgls.network.fast.operations import Lengths, Picked, Reach, Shape, Turns
from dgls.network.fast.tiles import Tiles
from dgls.network.fast.triton_experts import experts, power_of_two
from dgls.network.fast.weights import Attention, Layer, Matrix
from dgls.network.quantization import Rows8

_VOCAB_BLOCK = 4096


class TritonOperations:
    """`dgls.network.fast.operations.Operations` for CUDA, or for Triton's interpreter in tests.

    Only results are allocated, and no size depends on tensor contents, so a pass of these can be
    captured as a CUDA graph.
    """

    def __init__(self, tiles: Tiles | None = None) -> None:
        self.tiles = tiles or Tiles()

    def norm(self, states: Tensor, weight: Tensor, eps: float) -> Tensor:
        tokens, width = states.shape
        out = torch.empty_like(states)
        norms.scaled_norm[(tokens,)](states, weight, out, width, eps, BLOCK=power_of_two(width))
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
            BLOCK=power_of_two(width),
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
            layer.router_scale, out, dense, expert, router, width, eps, BLOCK=power_of_two(width),
        )  # fmt: skip
        return out, dense, expert, router

    def gated(self, both: Tensor) -> Tensor:
        tokens, width = both.shape[0], both.shape[1] // 2
        out = both.new_empty(tokens, width)
        block = min(1024, power_of_two(width))
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
            EXPERTS=experts, TOP=top, BLOCK=power_of_two(experts), num_warps=1,
        )  # fmt: skip
        return chosen, shares

    def experts(self, states: Tensor, chosen: Tensor, layer: Layer) -> Tensor:
        return experts(states, chosen, layer, self.tiles)

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
            TOP=slots.shape[1], BLOCK=power_of_two(width),
        )  # fmt: skip
        return out, normed

    def pick(self, logits: Tensor, race: Tensor | None, temperature: Tensor, cap: float) -> Picked:
        positions, vocab = logits.shape
        block = min(_VOCAB_BLOCK, power_of_two(vocab))
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
            CHUNKS=chunks, DRAW=draw, BLOCK=power_of_two(chunks), num_warps=1,
        )  # fmt: skip
        reading.likely[(positions, chunks)](
            logits, temperature, numbers[2], vocab, cap, BLOCK=block
        )
        return Picked(tokens[0], numbers[0], numbers[1], tokens[1], likely=logits)

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


def _blocks(count: int, block: int) -> int:
    return -(-count // block)
