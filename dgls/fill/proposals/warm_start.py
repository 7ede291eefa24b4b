"""Starts a canvas from the last draft of its document if the user typed along it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dgls.canvas.types import Canvas
from dgls.protocol import FillRequest

_MAX_DOCUMENTS = 64


@dataclass(frozen=True, slots=True)
class _Kept:
    request: FillRequest
    text: str


class LastDrafts:
    """The last draft of each document, for clients that name the document."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    def keep(self, request: FillRequest, text: str) -> None:
        """Keep the draft of a request's only gap."""
        if not request.client or len(request.gaps) != 1:
            return
        document = request.client, request.path
        self._kept.pop(document, None)
        self._kept[document] = _Kept(request, text)
        while len(self._kept) > _MAX_DOCUMENTS:
            self._kept.popitem(last=False)

    def rest(self, request: FillRequest) -> str:
        """The rest of the draft if the user typed its beginning; else ""."""
        kept = self._kept.get((request.client, request.path))
        if kept is None or kept.request.gaps != request.gaps:
            return ""
        (before, after), (prefix, suffix) = kept.request.parts, request.parts
        typed = prefix[len(before) :]
        if not typed or before + typed != prefix or after != suffix:
            return ""
        return kept.text[len(typed) :] if kept.text.startswith(typed) else ""


def started(canvas: Canvas, target: Sequence[int], pad: int) -> Canvas | None:
    """The canvas of one gap with `target` in its slots as old text; None if it does not fit."""
    (gap,) = canvas.gaps
    if len(target) > len(gap):
        return None
    tokens, seeded = list(canvas.tokens), list(canvas.seeded)
    tokens[gap.start : gap.end] = [*target, *[pad] * (len(gap) - len(target))]
    seeded[gap.start : gap.end] = [True] * len(gap)
    return replace(canvas, tokens=tuple(tokens), seeded=tuple(seeded))
