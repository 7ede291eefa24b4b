"""One session, typed into an editor by a user who accepts visible suggestions that are right."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from dgls.lab.bench.typing.fronts import Answer, Front
from dgls.lab.bench.typing.sessions import Session
from dgls.text.spans import Edit, Span

NOTICED_MS = 300.0
"""How long a suggestion must be on the screen to be read."""

WORTH_CHARS = 3
"""Shorter suggestions are typed instead of accepted."""

_IN_FLIGHT_MS = 100.0
_SLIP_MS = 300.0


@dataclass
class Tally:
    """The counts of one session. `keystrokes` include accepts."""

    chars: int = 0
    keystrokes: int = 0
    shown: int = 0
    right: int = 0
    flicker: int = 0
    stale: int = 0
    accepts: int = 0
    accepted_chars: int = 0
    waits_ms: list[float] = field(default_factory=list)

    @property
    def saved(self) -> int:
        """The keystrokes saved."""
        return self.accepted_chars - self.accepts


@dataclass
class Ghost:
    """The suggested text after the cursor."""

    text: str
    since: float


async def replay(session: Session, front: Front) -> Tally:
    """Type a session through a front-end in real time."""
    typing = _Typing(session, front)
    await front.open(session.name, session.before + session.after)
    try:
        await typing.run()
    finally:
        await typing.close()
    return typing.tally


class _Typing:
    """The state of the editor and the user while a session is typed."""

    def __init__(self, session: Session, front: Front) -> None:
        self._session = session
        self._front = front
        self._text = session.before + session.after
        self._cursor = len(session.before)
        self._ghost: Ghost | None = None
        self._asked: set[asyncio.Task[None]] = set()
        self._last_key = 0.0
        self.tally = Tally(chars=len(session.text))

    async def run(self) -> None:
        at = 0
        delays, text = self._session.delays_ms, self._session.text
        while at < len(text):
            accepted = await self._wait_or_accept(delays[at], text[at:])
            if accepted:
                at += accepted
                continue
            if at in self._session.slips:
                self._press("q" if text[at] != "q" else "w")
                await asyncio.sleep(_SLIP_MS / 1000)
                self._erase()
                await asyncio.sleep(_SLIP_MS / 1000)
            line = _with_indentation(text, at)
            self._press(line)
            at += len(line)
        self.tally.keystrokes += self.tally.accepts

    async def close(self) -> None:
        for task in list(self._asked):
            task.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)

    async def _wait_or_accept(self, delay_ms: float, rest: str) -> int:
        """Wait for the delay; returns how many characters were accepted meanwhile."""
        end = time.monotonic() + delay_ms / 1000
        while (now := time.monotonic()) < end:
            ghost = self._ghost
            if ghost is not None and _is_worth_it(ghost.text, rest):
                seen = ghost.since + NOTICED_MS / 1000
                if now >= seen:
                    return self._accept(ghost.text)
                await asyncio.sleep(min(seen, end) - now)
            else:
                await asyncio.sleep(min(0.02, end - now))
        return 0

    def _accept(self, text: str) -> int:
        self.tally.accepts += 1
        self.tally.accepted_chars += len(text)
        self._ghost = None
        self._edit(Edit(Span(self._cursor, self._cursor), text))
        return len(text)

    def _press(self, text: str) -> None:
        self.tally.keystrokes += 1
        ghost = self._ghost
        if ghost is not None:
            # An editor removes the typed part from the suggestion, or hides all of it.
            left = ghost.text[len(text) :] if ghost.text.startswith(text) else ""
            self._ghost = Ghost(left, ghost.since) if left else None
        self._edit(Edit(Span(self._cursor, self._cursor), text))

    def _erase(self) -> None:
        self.tally.keystrokes += 1
        self._ghost = None
        self._edit(Edit(Span(self._cursor - 1, self._cursor), ""))

    def _edit(self, edit: Edit) -> None:
        before = self._text
        self._text = before[: edit.span.start] + edit.text + before[edit.span.end :]
        self._cursor = edit.span.start + len(edit.text)
        self._last_key = time.monotonic()
        self._front.change(edit, before)
        task = asyncio.ensure_future(self._ask(self._text, self._cursor))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _ask(self, text: str, cursor: int) -> None:
        answer = await self._front.suggest(text, cursor)
        if answer is None or not answer.text:
            return
        if text != self._text and answer.at != self._cursor:
            # Sent before the server could know of the last key; an editor drops it unseen.
            since_ms = 1000 * (time.monotonic() - self._last_key)
            self.tally.stale += since_ms > _IN_FLIGHT_MS
            return
        self._show(answer)

    def _show(self, answer: Answer) -> None:
        ghost = self._ghost
        if ghost is not None and answer.text == ghost.text:
            return
        if ghost is not None and not answer.text.startswith(ghost.text):
            self.tally.flicker += 1
        self._ghost = Ghost(answer.text, time.monotonic())
        self.tally.shown += 1
        self.tally.waits_ms.append(1000 * (time.monotonic() - self._last_key))
        self.tally.right += self._rest().startswith(answer.text)

    def _rest(self) -> str:
        """The text that the user will type from the cursor on."""
        return self._session.whole[self._cursor :]


def total(tallies: Sequence[Tally]) -> Tally:
    """The sums over all sessions."""
    waits = [wait for tally in tallies for wait in tally.waits_ms]
    names = ("chars", "keystrokes", "shown", "right", "flicker", "stale", "accepts")
    sums = {name: sum(getattr(tally, name) for tally in tallies) for name in names}
    accepted = sum(tally.accepted_chars for tally in tallies)
    return Tally(**sums, accepted_chars=accepted, waits_ms=waits)


def _is_worth_it(ghost: str, rest: str) -> bool:
    return len(ghost) >= WORTH_CHARS and rest.startswith(ghost)


def _with_indentation(text: str, at: int) -> str:
    """The character at an index, with the indentation that an editor inserts after a new line."""
    end = at + 1
    if text[at] == "\n":
        while end < len(text) and text[end] in " \t":
            end += 1
    return text[at:end]
