"""Simulated editors that type sessions at human speed and ask one engine as `dgls lsp` does.

They ask after the delay that follows from the typist's rhythm (`dgls.policy.rhythm`). The other
reasons for `dgls lsp` not to ask are left out: typing along a suggestion, a cursor inside a word.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from dgls.client import EngineClient
from dgls.config import Settings
from dgls.errors import EngineBusyError, Stopped
from dgls.lab.bench.typing.sessions import Session
from dgls.policy.ask import Moment
from dgls.policy.rhythm import Rhythm, delay_ms
from dgls.protocol import Draft, FillReply, FillRequest, Trigger
from dgls.requests.builder import Asker, Task, limits_of
from dgls.sound.site import Purpose
from dgls.sound.words import first_line, last_line
from dgls.syntax.languages.python import PYTHON
from dgls.syntax.source import Source

_WRONG = "q"
"""The character of a typo, which is deleted again."""


@dataclass(slots=True)
class Outcome:
    """The result of one request: a reply, or None if a newer request superseded it.

    `ms` is the time until the result; `steps` are the denoise steps of which drafts arrived.
    """

    ms: float = 0.0
    reply: FillReply | None = None
    steps: int = 0


@dataclass
class Typing:
    """The number of keystrokes, and the result of each request, in order."""

    keystrokes: int = 0
    outcomes: list[Outcome] = field(default_factory=list)


async def type_for(
    settings: Settings, sessions: Sequence[Session], editors: int, seconds: float
) -> Typing:
    """Let `editors` editors type for `seconds`, each in its own files.

    There must be as many sessions as editors. Raises the first error of a fill, except for fills
    that were stopped, or refused because too many were waiting.
    """
    until = time.monotonic() + seconds
    whole = Typing()
    typists = [
        Typist(settings, f"bench-{number}", sessions[number::editors], until, whole)
        for number in range(editors)
    ]
    try:
        await asyncio.gather(*(typist.run() for typist in typists))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return whole


class Typist:
    """One editor, called `name`, that repeats its sessions until time is up."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        sessions: Sequence[Session],
        until: float,
        typing: Typing,
    ) -> None:
        self._settings = settings
        self._name = name
        self._sessions = sessions
        self._until = until
        self._typing = typing
        self._rhythm = Rhythm()

    async def run(self) -> None:
        """Type, send requests, and wait for the last replies."""
        async with EngineClient(self._settings) as client, asyncio.TaskGroup() as asking:
            waiting: asyncio.TimerHandle | None = None
            for session in itertools.cycle(self._sessions):
                async for text, cursor in typed(session):
                    if waiting is not None:
                        waiting.cancel()
                    if time.monotonic() > self._until:
                        return
                    self._typing.keystrokes += 1
                    request = self._request(session, text, cursor)
                    waiting = asyncio.get_running_loop().call_later(
                        self._wait_s(text, cursor), self._start, asking, client, request
                    )

    def _wait_s(self, text: str, cursor: int) -> float:
        self._rhythm = self._rhythm.pressed(1000 * time.monotonic())
        limits = self._settings.typing
        moment = Moment(last_line(text[:cursor]), first_line(text[cursor:]))
        wait_ms = delay_ms(
            self._rhythm,
            in_word=moment.in_word,
            shortest_ms=limits.shortest_delay_ms,
            longest_ms=limits.longest_delay_ms,
        )
        return wait_ms / 1000

    def _start(self, asking: asyncio.TaskGroup, client: EngineClient, request: FillRequest) -> None:
        asking.create_task(self._ask(client, request))

    async def _ask(self, client: EngineClient, request: FillRequest) -> None:
        outcome = Outcome()
        self._typing.outcomes.append(outcome)

        def on_draft(draft: Draft) -> None:
            outcome.steps = max(outcome.steps, draft.step)

        begun = time.perf_counter()
        with contextlib.suppress(Stopped, EngineBusyError):
            outcome.reply = await client.fill(request, on_draft)
        outcome.ms = 1000 * (time.perf_counter() - begun)

    def _request(self, session: Session, text: str, cursor: int) -> FillRequest:
        settings, automatic = self._settings.fill, Trigger.AUTOMATIC
        task = Task.at_cursor(Source.parse(text, PYTHON), cursor, settings, Purpose.AUTOMATIC)
        asker = Asker(self._name, "textDocument/inlineCompletion", automatic, session.name)
        return task.request(asker, limits_of(settings, automatic))


async def typed(session: Session) -> AsyncIterator[tuple[str, int]]:
    """The file and the cursor after each keystroke of a session, in real time.

    A character without a delay arrives with the keystroke before it.
    """
    delays = session.delays_ms
    for at in range(len(session.text)):
        await asyncio.sleep(delays[at] / 1000)
        if at in session.slips:
            yield _file(session, session.text[:at] + _WRONG)
            await asyncio.sleep(delays[at] / 1000)
            yield _file(session, session.text[:at])
            await asyncio.sleep(delays[at] / 1000)
        if at + 1 == len(delays) or delays[at + 1] > 0:
            yield _file(session, session.text[: at + 1])


def _file(session: Session, typed: str) -> tuple[str, int]:
    return session.before + typed + session.after, len(session.before) + len(typed)
