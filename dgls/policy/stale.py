"""Whether a fill for an older text still fits the newer one."""

from __future__ import annotations

from dgls.policy.show import remainder
from dgls.text.spans import Span

_CLOSERS = ")]}\"'"


def rebase(text: str, gap: Span, fill: str, newer: str) -> str | None:
    """The rest of `fill`, which was made for `gap` in `text`, for the changed text `newer`.

    None unless the user only typed the beginning of the fill into the gap, and not all of it.
    Brackets and quotes that the editor closed after the typed text count as typed; the rest goes
    before them. `fill` has the document's line ends.
    """
    before, after = text[: gap.start], text[gap.end :]
    if newer == text:
        return fill or None
    grown = len(newer) - len(before) - len(after)
    if gap.start < gap.end or grown <= 0:
        return None
    if not (newer.startswith(before) and newer.endswith(after)):
        return None
    typed = newer[gap.start : gap.start + grown]
    return remainder(fill, typed) if fill.startswith(typed) else _before_closers(fill, typed)


def _before_closers(fill: str, typed: str) -> str | None:
    """The text between the typed beginning of a fill and the closers that follow it."""
    for length in range(1, len(typed)):
        closers, head = typed[-length:], typed[:-length]
        if closers[0] not in _CLOSERS:
            return None
        left = remainder(fill, head)
        if left is not None and left.endswith(closers):
            return left.removesuffix(closers) or None
    return None
