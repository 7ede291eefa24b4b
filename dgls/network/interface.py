"""What inference asks of a model's weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from dgls.diffusion.reading import Reader
from dgls.network.past import Past


class Network(Protocol):
    """The two ways in which the weights run, and the output layer. All run in inference mode."""

    vocabulary: int
    device: torch.device
    dtype: torch.dtype

    def extend(self, tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        """Encode `tokens` [batch, new] causally after `past`.

        Returns the last layer's states [batch, new, hidden] and the past with the new tokens.
        What `Past.windows` says of its layers decides how far it can be cut back.
        """

    def canvas(self, tokens: Tensor, past: Past, conditioning: Tensor | None) -> Tensor:
        """Read `tokens` [batch, canvas] in both directions after `past`, which stays as it is.

        `conditioning` is None or the last step's logits [batch, canvas, vocab]. Returns fp32
        logits [batch, canvas, vocab].
        """

    def unembed(self, states: Tensor) -> Tensor:
        """States [..., hidden] to fp32 logits [..., vocab]."""


@runtime_checkable
class SteppingNetwork(Network, Protocol):
    """A network that takes whole denoise steps by itself, which is cheaper than giving logits."""

    def reader(self, past: Past) -> Reader:
        """What reads canvases after `past`, a row of it each; until the network's next reader."""


@dataclass(frozen=True, slots=True)
class Extension:
    """What `Network.extend` is asked for."""

    tokens: Tensor
    past: Past | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What `Network.canvas` is asked for."""

    tokens: Tensor
    past: Past
    conditioning: Tensor | None


@runtime_checkable
class JointNetwork(Network, Protocol):
    """A network that can run the passes of several callers as one, each after its own past.

    The results are those of separate passes, except for the last digits in fp32.
    """

    def extend_all(self, wanted: Sequence[Extension]) -> list[tuple[Tensor, Past]]:
        """The results of `extend`, in order."""

    def canvas_all(self, wanted: Sequence[Reading]) -> list[Tensor]:
        """The results of `canvas`, in order."""
