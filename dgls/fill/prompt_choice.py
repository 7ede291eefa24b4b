"""Which prompt a fill gets: the whole one, or a brief one after a jump of the cursor.

A whole prompt of the laptop model has some 600 tokens and takes over a second to read. The first
fill at a new place therefore gets a brief prompt with the nearest text. The whole prompt is then
read in pieces between fills; once little of it is unread, fills use it.
"""

from __future__ import annotations

from dgls.canvas.fim import FimPrompt
from dgls.fill.stop import StopToken
from dgls.inference.causal_model import CausalModel
from dgls.protocol import FillRequest

_AT_ONCE = 224
"""A whole prompt with at most this many unread tokens is read at once: 500 ms on two cores."""

_WORTH = 96
"""A brief prompt must save at least this many tokens."""

_PIECE = 32
"""Tokens read in one piece. A fill that arrives meanwhile discards the piece."""


class PromptChoice:
    """Chooses the prompts of one model, and remembers which whole prompt is still to be read."""

    def __init__(self, model: CausalModel) -> None:
        self._model = model
        self._waiting: FimPrompt | None = None

    def prompt(self, request: FillRequest, *, may_be_brief: bool) -> tuple[FimPrompt, bool]:
        """The prompt of a request with one gap, and whether it is a brief one."""
        model = self._model
        whole = model.layout.prompt(request)
        self._waiting = None
        if not may_be_brief or (unread := model.unread(whole)) <= _AT_ONCE:
            return whole, False
        brief = model.layout.brief_prompt(request)
        if unread - model.unread(brief) < _WORTH:
            return whole, False
        self._waiting = whole
        return brief, True

    def read_on(self, stop: StopToken) -> bool:
        """Read a piece of the waiting prompt; False once no prompt waits.

        Raises `Stopped` soon after `stop` is set; the piece is then read again later.
        """
        if self._waiting is None:
            return False
        if not self._model.read_piece(self._waiting, _PIECE, stop.check):
            self._waiting = None
        return self._waiting is not None
