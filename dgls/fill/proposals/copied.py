"""Proposals copied from the document: the text at places like the gap."""

from __future__ import annotations

from collections.abc import Sequence

from dgls.canvas.copies import Copy, copies
from dgls.fill.ranking import COPIED, Proposal, single_gap
from dgls.protocol import FillRequest
from dgls.syntax.languages import language_named


def copied(request: FillRequest, most: int) -> list[Proposal]:
    """At most `most` texts for one empty gap, likeliest first; at most one for several gaps.

    Empty if a gap holds text: a rewrite wants new text, not a copy.
    """
    if not most or any(gap.text for gap in request.gaps):
        return []
    if len(request.gaps) == 1:
        found = _copies(request, 0, (), most)
        return [Proposal((copy.text,), COPIED, copy=copy) for copy in found]
    chosen: list[Copy] = []
    for index in range(len(request.gaps)):
        found = _copies(request, index, [copy.text for copy in chosen], 1)
        if not found:
            return []
        chosen += found
    weakest = min(chosen, key=lambda copy: copy.merit)
    return [Proposal(tuple(copy.text for copy in chosen), COPIED, copy=weakest)]


def _copies(request: FillRequest, index: int, texts: Sequence[str], most: int) -> list[Copy]:
    """The copies for gap `index`, with `texts` in the gaps before it."""
    alone = single_gap(request, index, texts)
    before, after = (wide or near for wide, near in zip(alone.around, alone.parts, strict=True))
    between = request.parts[index + 1]
    if index + 1 < len(request.gaps) and "\n" not in between:
        # Text after the next gap on this line does not tell where this gap ends.
        after = f"{between}\n{after[len(between) :]}"
    language = language_named(request.language)
    return copies(before, after, most, alone.gaps[0].max_lines, language)
