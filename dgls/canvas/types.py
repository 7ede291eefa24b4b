"""A gap as tokens: the causal prompt, the canvas with its pinned positions, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dgls.protocol import FillRequest
from dgls.text.spans import Span


class Codec(Protocol):
    """What a layout needs of a tokenizer. `encode` adds no special tokens."""

    def encode(self, text: str) -> list[int]:
        """The token ids of `text`."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, special tokens left out."""

    def token_id(self, token: str) -> int:
        """The id of a special token. Raises `CheckpointError` where there is none of that name."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """What the model reads for one request.

    `prompt` is encoded causally and cached. `tokens` [canvas] are after it and are denoised in
    both directions; `pinned` [canvas] are known and never change. `gaps` are the slots of each gap
    in the canvas, in order. `seeded` [canvas] marks open positions that hold the old text of a
    rewrite: those may start from it instead of from noise. `follows` are the tokens that a judge
    scores after those of `Layout.target`, so that fills of different length can be compared;
    none where the target itself says that the gap ends.
    """

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    pinned: tuple[bool, ...]
    gaps: tuple[Span, ...]
    seeded: tuple[bool, ...]
    follows: tuple[int, ...] = ()


OPEN_END = 0
"""A length that leaves the whole rest of the canvas open: the model writes what follows itself."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """How many slots to try for a gap whose length is unknown.

    `line` for a gap of one line, `block` for one of several. `OPEN_END` may be among them.
    """

    line: tuple[int, ...] = ()
    block: tuple[int, ...] = ()


class Layout(Protocol):
    """How one family of models wants a gap laid out."""

    def build(self, request: FillRequest) -> Canvas:
        """The canvas of a request, within the model's window."""

    def canvases(self, request: FillRequest, lengths: Lengths) -> tuple[Canvas, ...]:
        """The canvases to denoise for a request: one prompt, one width, at least one canvas.

        A layout whose model ends its gaps itself has one canvas and needs no `lengths`.
        """

    def texts(self, canvas: Canvas, tokens: Sequence[int]) -> tuple[str, ...]:
        """The text of each gap, given the canvas as denoised: [canvas] token ids."""

    def target(self, texts: Sequence[str]) -> tuple[int, ...]:
        """The tokens by which a judge scores one gap's text: the text, then end-of-gap."""
