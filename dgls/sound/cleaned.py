"""The result of cleaning an answer, and the reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Change(Enum):
    """A change to an answer. The value is the text shown to users."""

    CLIPPED = "it had more lines than requested"
    INDENTED = "its indentation differed from the file's"
    RAN_ON = "it continued past the end of the block"
    SAID_TWICE = "it repeated a line"
    ALREADY = "it repeated what may be in the file only once"
    FOLLOWS = "it ended with the text that follows"
    REJOINED = "it changed the rest of the line"
    STRAY_CLOSER = "it closed a bracket that is not open"
    COMMENT = "it turned the rest of the line into a comment"
    BROKEN_END = "its last lines broke the syntax"
    OPEN_END = "it left its last bracket open"
    CLOSED = "it left open the block that it began"
    NEW_LINE = "it began a body on the header's line"


class Refusal(Enum):
    """Why nothing of an answer is left. The value is the text shown to users."""

    EMPTY = "it is empty"
    FOLLOWS = "it repeats the text after the gap"
    BROKEN = "it breaks the syntax"
    HOLE = "it is only a placeholder"
    SAME = "it is the same as the present text"
    LOSES_NAMES = "it drops a name that is used below"
    LOSES_EXIT = "it changes where the code returns"
    NO_BETTER = "the model does not score it above the present code"
    NO_BLOCK = "it is not one block of code"
    CUT_OFF = "it was cut off before its end"
    LEFT_OUT = "it leaves code out and puts a comment there"
    REPEATS = "it repeats what the file has elsewhere"
    DROPS = "it drops a name that is used elsewhere"


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The sound part of an answer, with \\n as line ends; empty if it was refused."""

    text: str
    changes: tuple[Change, ...] = ()
    refusal: Refusal | None = None
    names: tuple[str, ...] = ()

    @property
    def shown(self) -> bool:
        """Whether any text is left."""
        return self.refusal is None
