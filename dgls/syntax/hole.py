"""A place to be filled, and the edit that fills it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dgls.text.spans import Edit, Span


class HoleKind(StrEnum):
    """What is to be filled."""

    PASS = "pass"
    ELLIPSIS = "ellipsis"
    NOT_IMPLEMENTED = "not_implemented"
    TODO = "todo"
    EMPTY_BODY = "empty_body"


@dataclass(frozen=True, slots=True)
class Hole:
    """A place to be filled. A fill replaces `span` by `lead`, its text and `tail`.

    `lead` and `tail` are the line ends and indentation missing around it. `where` is the hole as
    the user sees it: the placeholder, the comment, or the header of the empty body. A fill may have
    several lines if `multiline`; otherwise it must stay on its line.
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
