"""The interface of a model's weights for inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from dgls.diffusion.reading import Reader
from dgls.network.past import Past


class Network(Protocol):
    """The two passes of a model, and its output layer. All run in inference mode."""

    vocabulary: int
    device: torch.device
    dtype: torch.dtype

    def extend(self, tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        """Encode `tokens` [batch, new] causally after `past`.

        Returns the last layer's states [batch, new, hidden] and the past with the new tokens.
        `Past.windows` tells how far the past can be cut back.
        """

    def canvas(self, tokens: Tensor, past: Past, conditioning: Tensor | None) -> Tensor:
        """Read `tokens` [batch, canvas] in both directions after `past`, which stays unchanged.

        `conditioning` is None or the last step's logits [batch, canvas, vocab]. Returns fp32 logits
        [batch, canvas, vocab].
        """

    def unembed(self, states: Tensor) -> Tensor:
        """States [..., hidden] to fp32 logits [..., vocab]."""


@runtime_checkable
class SteppingNetwork(Network, Protocol):
    """A network with its own denoise steps, which are cheaper than returning logits."""

    def reader(self, past: Past) -> Reader:
        """The reader of canvases after `past`, one row each; valid until the next call."""


@dataclass(frozen=True, slots=True)
class Extension:
    """The arguments of `Network.extend`."""

    tokens: Tensor
    past: Past | None


@dataclass(frozen=True, slots=True)
class Reading:
    """The arguments of `Network.canvas`."""

    tokens: Tensor
    past: Past
    conditioning: Tensor | None


@runtime_checkable
class JointNetwork(Network, Protocol):
    """A network that can run the passes of several callers as one, each after its own past.

    The results equal those of separate passes, except for the last digits in fp32.
    """

    def extend_all(self, wanted: Sequence[Extension]) -> list[tuple[Tensor, Past]]:
        """The results of `extend`, in order."""

    def canvas_all(self, wanted: Sequence[Reading]) -> list[Tensor]:
        """The results of `canvas`, in order."""
