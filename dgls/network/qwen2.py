"""The Qwen2 decoder (Yang et al. 2024, arXiv:2407.10671) over slots that the caller manages.

One pass reads any number of tokens, each at its own position. A mask tells which slots a token
sees, so that a pass can hold a text, several branches of it, or drafts to be verified.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from dgls.network.attention import Sight, attend, sight_of
from dgls.network.linear import Head, Linear
from dgls.network.masks import MaskedLinear, MaskLayer
from dgls.network.rows import Rows
from dgls.network.slots import Slots, SlotShape
from dgls.network.threads import Threads


@dataclass(frozen=True, slots=True)
class Qwen2Config:
    """The sizes of one model. `rope_base` is the base of the rotary frequencies."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    feed_forward: int
    vocabulary: int
    rope_base: float = 1e6
    epsilon: float = 1e-6

    @property
    def head_width(self) -> int:
        """The dimensions of one head."""
        return self.width // self.heads

    @property
    def slot(self) -> SlotShape:
        """The shape of what one token stores in the slots."""
        return SlotShape(self.layers, self.kv_heads, self.head_width)


@dataclass(frozen=True, slots=True)
class Qwen2Layer:
    """The weights of one layer. `qkv` makes queries, keys and values; `gate_up` both halves."""

    attention_norm: Tensor
    qkv: Linear
    out: Linear
    feed_forward_norm: Tensor
    gate_up: Linear
    down: Linear


class Embedding:
    """Rows of a table [vocabulary, width]: floating point, or int8 with a scale per row."""

    def __init__(self, table: Tensor, scales: Tensor | None, dtype: torch.dtype) -> None:
        self._table = table
        self._scales = scales
        self._dtype = dtype

    def __call__(self, tokens: Tensor) -> Tensor:
        """[tokens] to [tokens, width]."""
        rows = self._table[tokens].to(self._dtype)
        return rows if self._scales is None else rows * self._scales[tokens, None]


class Qwen2Network:
    """A frozen Qwen2. Its methods take and return tensors without a batch dimension."""

    def __init__(
        self,
        config: Qwen2Config,
        embedding: Embedding,
        layers: tuple[Qwen2Layer, ...],
        norm: Tensor,
        head: Head,
    ) -> None:
        self.config = config
        self._embedding = embedding
        self._layers = layers
        self._norm = norm
        self._head = head
        half = torch.arange(0, config.head_width, 2, dtype=torch.float32)
        self._threads = Threads()
        self._frequencies = (config.rope_base ** (-half / config.head_width)).to(norm.device)

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self._norm.device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the states between products."""
        return self._norm.dtype

    def slots(self, capacity: int) -> Slots:
        """Empty slots of this network."""
        return Slots(self.config.slot, capacity, dtype=self.dtype, device=self.device)

    def embedded(self, tokens: Tensor) -> Tensor:
        """The embeddings of `tokens` [n], [n, width]."""
        return self._embedding(tokens)

    def head_over(self, tokens: Tensor) -> Linear:
        """The head over only `tokens` [n]: states [rows, width] to logits [rows, n]."""
        return self._head.part(tokens)

    @torch.inference_mode()
    def read(
        self,
        rows: Rows,
        slots: Slots,
        last: int | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """Read n rows into the slots and return their final states [n, width].

        With `last` the last layer computes the states of the last so many rows alone. `check` is
        called before each layer; if it raises, the slots are as they were.
        """
        count, positions, masks = len(rows), rows.positions, rows.masks
        begun = self._threads.begin(count)
        if positions is None:
            positions = torch.arange(slots.length, slots.length + count, device=self.device)
        slots.reserve(count)
        new = _New(slots, *self._rotation(positions), self._sight(count, slots.length, rows.mask))
        states = self._embedding(rows.tokens)
        if masks:
            states = torch.cat([states, masks.embeddings])
        final = len(self._layers) - 1
        for index, layer in enumerate(self._layers):
            check()
            wanted = last if index == final else None
            through = _masked(layer, masks.layers[index], len(masks)) if masks else layer
            states = self._layer(index, through, states, new, wanted)
        slots.advance(count)
        self._threads.end(count, begun)
        return _normed(states, self._norm, self.config.epsilon)

    @torch.inference_mode()
    def logits(self, states: Tensor) -> Tensor:
        """Final states [n, width] to logits [n, vocabulary] in fp32."""
        self._threads.choose(len(states))
        return self._head(states).float()

    def _layer(
        self, index: int, layer: Qwen2Layer, states: Tensor, new: _New, last: int | None
    ) -> Tensor:
        """The states after layer `index`: [n, width], or [last, width]."""
        epsilon = self.config.epsilon
        mixed = layer.qkv(_normed(states, layer.attention_norm, epsilon))
        read = self._attended(index, mixed, new, last)
        if last is not None:
            states = states[-last:]
        states = states + layer.out(read)
        gate, up = layer.gate_up(_normed(states, layer.feed_forward_norm, epsilon)).chunk(2, -1)
        return states + layer.down(functional.silu(gate) * up)

    def _attended(self, index: int, mixed: Tensor, new: _New, last: int | None) -> Tensor:
        """The attention of each token over the slots it sees: [n, width]."""
        config = self.config
        # Queries and keys are rotated together: [n, heads + kv_heads, head_width].
        heads = mixed.view(len(mixed), -1, config.head_width)
        values = heads[:, config.heads + config.kv_heads :]
        turned = _rotated(heads[:, : config.heads + config.kv_heads], new.cosine, new.sine)
        keys, values = new.slots.write(
            index, turned[:, config.heads :].transpose(0, 1), values.transpose(0, 1)
        )
        queries, sight = turned[:, : config.heads], new.sight
        if last is not None:
            queries, sight = queries[-last:], sight.of_last(last)
        return attend(queries, keys, values, sight)

    def _rotation(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine of each position's angles: [n, 1, head_width] each."""
        angles = positions.float()[:, None] * self._frequencies
        angles = torch.cat([angles, angles], -1).unsqueeze(1)
        return angles.cos().to(self.dtype), angles.sin().to(self.dtype)

    def _sight(self, count: int, length: int, mask: Tensor | None) -> Sight:
        """What `count` new rows see of `length` slots and of each other."""
        seen = torch.ones((count, length + count), dtype=torch.bool, device=self.device)
        seen.tril_(length)
        turns = count
        if mask is not None:
            turns = count - len(mask)
            seen[turns:] = mask
        return sight_of(seen, turns, self.dtype)


@dataclass(frozen=True, slots=True)
class _New:
    """The n new rows of a pass: where they are written, their rotation, and what they see.

    `cosine` and `sine` are [n, 1, head_width].
    """

    slots: Slots
    cosine: Tensor
    sine: Tensor
    sight: Sight


def _masked(layer: Qwen2Layer, terms: MaskLayer, count: int) -> Qwen2Layer:
    """The layer with added terms for the last `count` rows, which are masks."""
    return replace(
        layer,
        qkv=MaskedLinear(layer.qkv, terms.qkv, count),
        out=MaskedLinear(layer.out, terms.out, count),
        gate_up=MaskedLinear(layer.gate_up, terms.gate_up, count),
        down=MaskedLinear(layer.down, terms.down, count),
    )


def _normed(states: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """RMS normalisation (Zhang and Sennrich 2019, arXiv:1910.07467)."""
    return functional.rms_norm(states, (states.shape[-1],), weight, epsilon)


def _rotated(states: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary positions (Su et al. 2021, arXiv:2104.09864); the two halves form the pairs."""
    first, second = states.chunk(2, -1)
    return states * cosine + torch.cat([-second, first], -1) * sine
