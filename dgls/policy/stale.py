"""Whether a fill for an older text still fits the newer one."""

from __future__ import annotations

from dgls.policy.show import remainder
from dgls.text.spans import Span

_CLOSERS = ")]}\"'"


def rebase(text: str, gap: Span, fill: str, newer: str) -> str | None:
    """What is left of `fill`, which was made for `gap` in `text`, now that the text is `newer`.

    None where the user did anything but type the beginning of the fill into the gap, or typed
    all of it. Brackets and quotes that the editor closed by itself after what was typed count
    as typed: what is left is before them. `fill` has the line ends of the document.
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
    """What is left between the typed beginning of a fill and the closers that follow it."""
    for length in range(1, len(typed)):
        closers, head = typed[-length:], typed[:-length]
        if closers[0] not in _CLOSERS:
            return None
        left = remainder(fill, head)
        if left is not None and left.endswith(closers):
            return left.removesuffix(closers) or None
    return None
