"""A gap as tokens: the causal prompt, the canvas with its pinned positions, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dgls.protocol import FillRequest
from dgls.text.spans import Span


class Codec(Protocol):
    """The tokenizer that a layout needs. `encode` adds no special tokens."""

    def encode(self, text: str) -> list[int]:
        """The token ids of `text`."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, without special tokens."""

    def token_id(self, token: str) -> int:
        """The id of a special token. Raises `CheckpointError` for an unknown token."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """What the model reads for one request.

    `prompt` is encoded causally and cached. `tokens` [canvas] follow it and are denoised in both
    directions; `pinned` [canvas] are known and never change. `gaps` are the slots of each gap in
    the canvas, in order. `seeded` [canvas] marks open positions with the old text of a rewrite,
    from which they may start instead of from noise. A judge scores the tokens `follows` after those
    of `Layout.target`, so that fills of different lengths can be compared; empty if the target
    itself ends the gap.
    """

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    pinned: tuple[bool, ...]
    gaps: tuple[Span, ...]
    seeded: tuple[bool, ...]
    follows: tuple[int, ...] = ()


OPEN_END = 0
"""A length that leaves the rest of the canvas open: the model also writes what follows."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """The numbers of slots to try for a gap of unknown length.

    `line` for a gap of one line, `block` for one of several lines. `OPEN_END` may be among them.
    """

    line: tuple[int, ...] = ()
    block: tuple[int, ...] = ()


class Layout(Protocol):
    """How one model family lays out a gap."""

    def build(self, request: FillRequest) -> Canvas:
        """The canvas of a request, within the model's window."""

    def canvases(self, request: FillRequest, lengths: Lengths) -> tuple[Canvas, ...]:
        """The canvases to denoise for a request: one prompt, one width, at least one canvas.

        A layout whose model ends its gaps has one canvas and ignores `lengths`.
        """

    def texts(self, canvas: Canvas, tokens: Sequence[int]) -> tuple[str, ...]:
        """The text of each gap, from the denoised canvas's token ids [canvas]."""

    def target(self, texts: Sequence[str]) -> tuple[int, ...]:
        """The tokens by which a judge scores one gap: its text, then the end-of-gap token."""
