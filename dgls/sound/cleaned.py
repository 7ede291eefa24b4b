"""The result of cleaning an answer, and the reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Change(Enum):
    """A change to an answer. The value is the text shown to users."""

    CLIPPED = "it had more lines than were asked for"
    INDENTED = "its indentation differed from the file's"
    RAN_ON = "it continued past the end of the block"
    SAID_TWICE = "it said a line twice"
    FOLLOWS = "it ended with what follows"
    REJOINED = "it wrote the rest of the line otherwise"
    STRAY_CLOSER = "it closed a bracket that is not open"
    COMMENT = "it made a comment of the rest of the line"
    BROKEN_END = "its last lines broke the syntax"
    OPEN_END = "its last bracket is left open"
    CLOSED = "it left the block open that it began"
    NEW_LINE = "it began a body on the line of its header"


class Refusal(Enum):
    """Why nothing of an answer is left. The value is the text shown to users."""

    EMPTY = "it is empty"
    FOLLOWS = "it repeats the text after the gap"
    BROKEN = "it breaks the syntax"
    HOLE = "it is only a placeholder"
    SAME = "it is what the file says already"
    LOSES_NAMES = "it loses a name that is used below"
    LOSES_EXIT = "it changes where the code returns"
    NO_BETTER = "the model does not rate it above the code that is there"
    NO_BLOCK = "it is not one block of code"
    CUT_OFF = "it was cut off before its end"
    LEFT_OUT = "it leaves code out and says so in a comment"
    REPEATS = "it writes again what the file has elsewhere"
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
