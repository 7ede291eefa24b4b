"""A place that waits to be filled, and the edit that fills it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dgls.text.spans import Edit, Span


class HoleKind(StrEnum):
    """What waits to be filled."""

    PASS = "pass"
    ELLIPSIS = "ellipsis"
    NOT_IMPLEMENTED = "not_implemented"
    TODO = "todo"
    EMPTY_BODY = "empty_body"


@dataclass(frozen=True, slots=True)
class Hole:
    """One such place. A fill replaces `span` by `lead`, its text and `tail`.

    `lead` and `tail` are the line ends and indentation that are missing around it. `where` is what
    the user sees as the hole: the placeholder, the comment, or the header with nothing under it. A
    fill may have several lines where `multiline` says so, otherwise it must stay on its line.
    """

    kind: HoleKind
    title: str
    span: Span
    where: Span
    multiline: bool
    lead: str = ""
    tail: str = ""

    def edit(self, fill: str) -> Edit:
        """The edit that fills the hole."""
        return Edit(self.span, self.lead + fill + self.tail)
