"""Left-to-right writing with the same weights and kernels, as a baseline for denoising."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dgls.network.fast.body import end_layer
from dgls.network.fast.operations import Lengths, Shape
from dgls.network.fast.plain import embeddings
from dgls.network.fast.prefix import PrefixBuffers
from dgls.network.fast.step import captured
from dgls.network.past import Past

if TYPE_CHECKING:
    from dgls.network.fast.network import FastNetwork

_ONE = Shape(1, 1)


class CausalWriter:
    """Writes the likeliest tokens after a prefix, with a captured step for each.

    Each step reads every weight that a token needs once, as a denoise step does for its canvas.
    Keys and values go straight into the prefix buffers, so nothing is copied.
    """

    def __init__(self, network: FastNetwork) -> None:
        self._network = network
        device = network.device
        self._token = torch.zeros(1, dtype=torch.int64, device=device)
        # Where the next key goes: in full layers, and in sliding ones, whose buffer is circular.
        self._full = torch.zeros(1, dtype=torch.int64, device=device)
        self._sliding = torch.zeros(1, dtype=torch.int64, device=device)
        self._run: Callable[[], object] = self._step
        # The buffers that the captured step reads and writes.
        self._buffers: PrefixBuffers | None = None

    @torch.inference_mode()
    def write(self, past: Past, first: int, count: int) -> Tensor:
        """The `count` tokens that follow `first`, which follows the past: int64 [count]."""
        network = self._network
        network.room_for(past.length + count)
        if network.captures and self._buffers is not network.prefix:
            network.prefix.pretend(1)
            self._run, self._buffers = captured(self._step), network.prefix
        network.prefix.hold(past, 1)
        network.prefix.forget()
        window = network.body.window - 1
        self._token.fill_(first)
        self._full.fill_(past.length)
        self._sliding.fill_(past.length if past.length < window else 0)
        written = torch.empty(count, dtype=torch.int64, device=network.device)
        for index in range(count):
            self._run()
            written[index : index + 1].copy_(self._token)
        return written

    def _step(self) -> None:
        network, body = self._network, self._network.body
        operations, step = network.operations, network.step()
        states = embeddings(self._token, body.table, body.scale)
        normed = operations.norm(states, body.layers[0].before_attention, body.eps)
        for index, layer in enumerate(body.layers):
            parts = operations.linear(normed, layer.attention.qkv)
            query, key, value = operations.heads(
                parts, layer.attention, step.turns[layer.kind], step.lengths, _ONE, body.eps
            )
            reach = step.prefix[index]
            mixed = operations.attend(query, key, value, reach, step.lengths, _ONE)
            place = self._sliding if layer.sliding else self._full
            reach.keys.index_copy_(1, place, key[0])
            reach.values.index_copy_(1, place, value[0])
            states, normed = end_layer(
                operations, body, index, states, mixed, layer.encoder_scale, step.lengths, _ONE
            )
        self._token.copy_(operations.linear(normed, body.table).argmax(dim=-1))
        self._advance(step.lengths)

    def _advance(self, lengths: Lengths) -> None:
        window = min(self._network.body.window - 1, self._network.prefix.room)
        self._full.add_(1)
        self._sliding.add_(1).remainder_(window)
        lengths.device[0].add_(1)
        lengths.device[Lengths.FULL].add_(1)
        lengths.device[Lengths.SLIDING].add_(1).clamp_(max=window)
