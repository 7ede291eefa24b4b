"""The input and the output of the rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from dgls.edits.change import LineChange, line_changes
from dgls.edits.hunk import Hunk
from dgls.syntax.source import Source
from dgls.text.spans import Span

_IMPORT = re.compile(r"\s*(?:(?:import|from|use)\b.*)?$")


@dataclass(frozen=True, slots=True)
class Offer:
    """Replace `span` by `text` in the file `path`, which is empty for the edited one.

    `why` is one clause for the user.
    """

    span: Span
    text: str
    rule: str
    why: str
    path: str = ""


@dataclass(frozen=True)
class State:
    """A document, its recent edits (the newest last), and the other open files."""

    source: Source
    hunks: tuple[Hunk, ...]
    others: Mapping[str, Source] = field(default_factory=dict)
    path: str = ""

    @property
    def text(self) -> str:
        """The present text of the document."""
        return self.source.text

    @cached_property
    def changes(self) -> tuple[LineChange, ...]:
        """The lines that were changed in place, the newest last."""
        return tuple(line for hunk in self.hunks for line in line_changes(self.text, hunk))

    @cached_property
    def last_hunks(self) -> tuple[Hunk, ...]:
        """The hunks of the last edited place, and of imports edited since.

        A user who edits elsewhere has passed over the offers of earlier places. An edited import
        does not count as another place.
        """
        for count, hunk in enumerate(reversed(self.hunks), 1):
            after = hunk.after(self.text)
            if not all(map(_IMPORT.match, (*hunk.before.splitlines(), *after.splitlines()))):
                return self.hunks[-count:]
        return self.hunks

    @cached_property
    def fresh(self) -> tuple[LineChange, ...]:
        """The changes of the last edited place. Only these lead to offers."""
        return tuple(line for hunk in self.last_hunks for line in line_changes(self.text, hunk))

    def was_edited(self, span: Span) -> bool:
        """Whether the user edited this place; what they wrote is not changed again."""
        return any(
            hunk.span.start <= span.start and span.end <= hunk.span.end for hunk in self.hunks
        )
