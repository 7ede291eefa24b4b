"""The user of one document: typing rhythm, shown suggestions, deleted ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from dgls.config import ShowSettings
from dgls.edits.hunk import Hunk, changed_lines, followed
from dgls.lsp.convert import key_of
from dgls.lsp.documents import Change, Document
from dgls.policy.rhythm import Rhythm
from dgls.policy.stale import rebase
from dgls.text.common import common_length
from dgls.text.lines import line_end_of, with_line_ends
from dgls.text.spans import Edit, Span

_MAX_NOTED = 50
_MAX_ACCEPTED = 50
_MAX_HEAD = 400
"""The characters of a line that identify a place."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A text that was shown: its place and version, and its confidence.

    `text` has \\n line ends, as shown; `latency_ms` is how long the user waited.
    """

    document: Document
    cursor: int
    text: str
    confidence: float
    latency_ms: float = 0.0
    is_explicit: bool = False

    def left_in(self, newest: Document) -> Left | None:
        """The rest of it if the user only typed its beginning since; otherwise None."""
        end = line_end_of(self.document.text)
        fill = with_line_ends(self.text, end)
        left = rebase(self.document.text, Span(self.cursor, self.cursor), fill, newest.text)
        if left is None:
            return None
        grown = len(newest.text) - len(self.document.text)
        typed = newest.text[self.cursor : self.cursor + grown]
        # Closers that the editor inserted are after the cursor.
        return Left(self.cursor + common_length(fill, typed), with_line_ends(left, "\n"))

    @property
    def place(self) -> tuple[str, str]:
        """The line before the cursor and the text, which is not offered again once rejected."""
        head = self.document.text[max(0, self.cursor - _MAX_HEAD) : self.cursor]
        return head.rpartition("\n")[2], self.text

    @property
    def language(self) -> str:
        """The language of its document, by the protocol's name."""
        source = self.document.source
        return source.language.id if source else self.document.language_id


@dataclass(frozen=True, slots=True)
class Left:
    """The rest of a shown text, which goes to `cursor` of the newest version."""

    cursor: int
    text: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A suggestion that is in the document now, at `span`; the `number`th that was accepted.

    It refers to no document: many are kept, and each would keep its whole text alive.
    """

    number: int
    span: Span
    place: tuple[str, str]
    language: str
    latency_ms: float


@dataclass
class Typist:
    """One document's user. `on_accept` is called with it and each complete acceptance.

    `hunks` are the recent edits. `shown` is on the screen; `others` are alternatives that the
    editor can show instead.
    """

    on_accept: Callable[[Typist, Accepted], None] = lambda typist, accepted: None
    clock_ms: Callable[[], float] = lambda: 1000 * time.monotonic()
    rhythm: Rhythm = field(default_factory=Rhythm)
    shown: Shown | None = None
    others: tuple[Shown, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    deleted_shown: bool = False
    changed_ms: float = float("-inf")
    hunks: tuple[Hunk, ...] = ()
    _rejected: dict[tuple[str, str], None] = field(default_factory=dict)
    _undone: dict[tuple[str, str], None] = field(default_factory=dict)
    _accepts: int = 0
    _settings: ShowSettings | None = None
    _moved_on: asyncio.Event = field(default_factory=asyncio.Event)

    def changed(self, changes: Sequence[Change]) -> None:
        """Record the user's changes, and wake tasks that wait for a pause."""
        self.changed_ms = self.clock_ms()
        if len(changes) == 1 and _is_keystroke(changes[0].edit):
            self.rhythm = self.rhythm.pressed(self.changed_ms)
        else:
            # A paste is no typing, and the next interval is no typing interval.
            self.rhythm = replace(self.rhythm, last_ms=None)
        for change in changes:
            self._remember(change)
            self._follow(change)
        self._moved_on.set()
        self._moved_on = asyncio.Event()

    @property
    def still_s(self) -> float:
        """The seconds since the last change; infinite before the first."""
        return (self.clock_ms() - self.changed_ms) / 1000

    async def pause(self, wait_ms: float) -> bool:
        """Whether nothing is changed until `wait_ms` after the last change."""
        left_ms = self.changed_ms + wait_ms - self.clock_ms()
        if left_ms <= 0:
            return True
        try:
            async with asyncio.timeout(left_ms / 1000):
                await self._moved_on.wait()
        except TimeoutError:
            return True
        return False

    def show(self, shown: Shown, *others: Shown) -> None:
        """Record what is on the screen now, and the alternatives that the user can cycle to."""
        self.shown, self.others = shown, others

    @property
    def on_screen(self) -> tuple[Shown, ...]:
        """What may be on the screen; the editor does not tell which candidate is."""
        return self.others if self.shown is None else (self.shown, *self.others)

    def still_holds(self, accepted: Accepted) -> bool:
        """Whether an accepted text is still in the document unchanged."""
        return any(each.number == accepted.number for each in self.accepted)

    def under(self, settings: ShowSettings) -> None:
        """Drop what is on the screen after a change of settings, unless it was explicit."""
        if self._settings not in {None, settings}:
            explicit = [shown for shown in self.on_screen if shown.is_explicit]
            self.shown, self.others = (explicit[0], tuple(explicit[1:])) if explicit else (None, ())
        self._settings = settings

    def was_rejected(self, shown: Shown) -> bool:
        """Whether the user has deleted this text at this place before."""
        return shown.place in self._rejected

    def took_back(self, text: str, edit: Edit) -> bool:
        """Whether the user has undone exactly this change of these lines, and nothing before it."""
        return changed_lines(text, edit) in self._undone

    def _remember(self, change: Change) -> None:
        self.hunks, undone = followed(self.hunks, change.before.text, change.edit)
        if not self.hunks:
            # Without the edit that led to them all may be offered again.
            self._undone.clear()
            return
        for lines in undone:
            _note(self._undone, lines)

    def _follow(self, change: Change) -> None:
        edit = change.edit
        # It stays True while the user continues to delete.
        self.deleted_shown = self.deleted_shown and len(edit.text) < len(edit.span)
        moved = [self._moved(accepted, edit) for accepted in self.accepted]
        self.accepted = tuple(each for each in moved if each is not None)
        whole = next((shown for shown in self.on_screen if _is_whole(shown, change)), None)
        # One candidate may be the beginning of another, whose rest is still to come.
        if whole is not None and not any(each.left_in(change.after) for each in self.on_screen):
            end = whole.cursor + len(change.after.text) - len(whole.document.text)
            self._accepts += 1
            accepted = Accepted(
                self._accepts,
                Span(whole.cursor, end),
                whole.place,
                whole.language,
                whole.latency_ms,
            )
            self.accepted = (*self.accepted, accepted)[-_MAX_ACCEPTED:]
            self.shown, self.others = None, ()
            self.on_accept(self, accepted)

    def _moved(self, accepted: Accepted, edit: Edit) -> Accepted | None:
        """An accepted text moved by an edit; None if the edit changed the text itself.

        A text from which the user deleted is noted as rejected.
        """
        span, grown = accepted.span, len(edit.text) - len(edit.span)
        if edit.span.start >= span.end:
            return accepted
        if edit.span.end <= span.start:
            return replace(accepted, span=Span(span.start + grown, span.end + grown))
        if grown < 0:
            self.deleted_shown = True
            _note(self._rejected, accepted.place)
        return None


def _note(noted: dict[tuple[str, str], None], what: tuple[str, str]) -> None:
    """Add an entry, and drop the oldest of too many."""
    noted[what] = None
    while len(noted) > _MAX_NOTED:
        del noted[next(iter(noted))]


@dataclass
class Typists:
    """The user of each open document, by URI."""

    on_accept: Callable[[Typist, Accepted], None] = lambda typist, accepted: None
    _by_key: dict[str, Typist] = field(default_factory=dict)

    def of(self, uri: str) -> Typist:
        """The document's user."""
        key = key_of(uri)
        if key not in self._by_key:
            self._by_key[key] = Typist(self.on_accept)
        return self._by_key[key]

    def close(self, uri: str) -> None:
        """Forget one."""
        self._by_key.pop(key_of(uri), None)


def _is_keystroke(edit: Edit) -> bool:
    """Whether a change is one pressed key: a character, one with its closer, or a new line."""
    return len(edit.text) <= 2 or edit.text.strip(" \t") in ("\n", "\r\n")


def _is_whole(shown: Shown, change: Change) -> bool:
    """Whether a change inserted the whole rest of a suggestion, at least two characters."""
    text = with_line_ends(shown.text, line_end_of(shown.document.text))
    if len(change.edit.text) < 2 or not text.endswith(change.edit.text):
        return False
    base, at = shown.document.text, shown.cursor
    return change.after.text == base[:at] + text + base[at:]
