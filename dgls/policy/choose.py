"""Which candidates keep the syntax of the document that they are put into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dgls.syntax.guard import keeps_syntax, sound_head
from dgls.syntax.source import Source
from dgls.text import Edit


def sound_edits(
    source: Source,
    candidates: Iterable[Sequence[Edit]],
    *,
    may_be_cut: bool = False,
    tail: str = "",
) -> Iterator[Sequence[Edit]]:
    """The edits of each candidate after which the syntax is as sound as before, in their order.

    A candidate is the edits of all its gaps. Where it `may_be_cut`, one of a single gap is cut to
    its first lines that keep the syntax, and left out where none does; `tail`, with which its text
    ends, stays.
    """
    for edits in candidates:
        if keeps_syntax(source, edits):
            yield edits
        elif may_be_cut and len(edits) == 1:
            head = sound_head(source, edits[0].span, edits[0].text.removesuffix(tail), tail)
            if head and head.strip():
                yield [Edit(edits[0].span, head + tail)]
