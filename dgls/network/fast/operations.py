"""The operations of a pass over the layers; two implementations, compared by tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from dgls.network.fast.weights import Attention, Layer, Matrix


@dataclass(frozen=True, slots=True)
class Shape:
    """`rows` canvases of `canvas` tokens each, after one prefix."""

    rows: int
    canvas: int


@dataclass(frozen=True, slots=True)
class Lengths:
    """How much of fixed-size buffers is in use, as numbers on the device.

    `device` int32 [4]: the prefix's length, the canvas's length, and how many keys of the prefix a
    full and a sliding layer keep. The host does not need them during a step.
    """

    device: Tensor

    FULL = 2
    SLIDING = 3


@dataclass(frozen=True, slots=True)
class Reach:
    """A layer's prefix: `keys` and `values` [key heads, room, dim], for all rows."""

    keys: Tensor
    values: Tensor
    kept: int
    """The index in the lengths that tells how many are valid."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Rotary positions of one kind of layer: `cosines` and `sines` [positions, dim / 2]."""

    cosines: Tensor
    sines: Tensor


@dataclass(frozen=True, slots=True)
class Picked:
    """What a step reads from the logits of each position; all [positions].

    `likely` [positions, vocab] are the probabilities, in the model's precision.
    """

    best: Tensor
    log_probs: Tensor
    entropy: Tensor
    drawn: Tensor
    likely: Tensor


class Operations(Protocol):
    """The steps of a pass; `states` are [tokens, hidden], and norms divide by sqrt(mean² + eps)."""

    def norm(self, states: Tensor, weight: Tensor, eps: float) -> Tensor:
        """Normed and scaled."""

    def linear(self, states: Tensor, matrix: Matrix) -> Tensor:
        """[tokens, in] to [tokens, out]."""

    def embed(
        self,
        tokens: Tensor,
        table: Tensor,
        scale: float,
        signal: Tensor,
        first_norm: Tensor,
        eps: float,
    ) -> tuple[Tensor, Tensor]:
        """Scaled embeddings plus `signal`, normed; and that normed again for layer 0."""

    def heads(
        self,
        parts: Tensor,
        attention: Attention,
        turns: Turns,
        lengths: Lengths,
        shape: Shape,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries [tokens, heads, dim], keys and values [rows, key heads, canvas, dim]."""

    def attend(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        prefix: Reach,
        lengths: Lengths,
        shape: Shape,
    ) -> Tensor:
        """Each query over the prefix and its own row's canvas: [tokens, heads * dim]."""

    def after_attention(
        self, residual: Tensor, attended: Tensor, layer: Layer, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The sum with the normed attention, and its norms for dense part, experts and router."""

    def gated(self, both: Tensor) -> Tensor:
        """gelu(gate) * up of [tokens, 2 * width]."""

    def route(
        self, scores: Tensor, scale: Tensor, top: int, lengths: Lengths, shape: Shape
    ) -> tuple[Tensor, Tensor]:
        """The chosen experts (int32) and their shares (fp32), [tokens, top] each.

        Tokens beyond the canvas's length are not routed: expert -1 with share 0.
        """

    def experts(self, states: Tensor, chosen: Tensor, layer: Layer) -> Tensor:
        """The output of each chosen expert: [tokens, top, hidden]; undefined without an expert."""

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
        """The layer's states, and their norm for the next layer."""

    def pick(self, logits: Tensor, race: Tensor | None, temperature: Tensor, cap: float) -> Picked:
        """Read logits [positions, vocab] before their soft cap; they may be overwritten.

        `temperature` [1]; `race` [positions, vocab] are exponential draws, or None to take the
        likeliest token.
        """
