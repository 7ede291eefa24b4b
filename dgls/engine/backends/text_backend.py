"""What backends share whose server answers in text, one gap at a time."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from dgls.config import Settings
from dgls.engine.backends.remote_model import RemoteModel
from dgls.fill.ranking import single_gap
from dgls.fill.stop import StopToken
from dgls.protocol import Draft, FillReply, FillRequest, OnDraft, OnProgress


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server wrote for one gap.

    `log_prob` is that of the whole text in nats, None where the server does not say; `prompt`
    tokens were read for it, `cached` of them kept from before.
    """

    text: str
    log_prob: float | None = None
    tokens: int = 0
    prompt: int = 0
    cached: int = 0
    prompt_ms: float = 0.0
    predicted_ms: float = 0.0


class TextBackend(ABC):
    """Fills by asking a server for the text of each gap (`dgls.engine.backends.base.Backend`)."""

    def __init__(self, settings: Settings) -> None:
        """Raises `SettingError` where the server's address or key cannot be used."""
        self._settings = settings
        self._model = RemoteModel(settings)

    @property
    def name(self) -> str:
        """The model and the place that code is sent to."""
        return self._model.shown

    @property
    def concurrency(self) -> int:
        """As many fills as the settings allow."""
        return self._settings.remote.concurrency

    def load(self, progress: OnProgress) -> None:
        """Ask the server what it serves. Raises `RemoteError`."""
        self._model.load(progress)

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """Fill the gaps one after another. Raises `RemoteError`, or `Stopped` out of time."""
        self._model.check_asked()
        if request.instruction:
            return self._edited(request, stop)
        began = time.monotonic()
        found: list[tuple[Answer, ...]] = []
        if request.limits.candidates:
            found = self._model.server.run(self._candidates(request, on_draft), stop)
        return self._reply(request, found, 1000 * (time.monotonic() - began))

    @abstractmethod
    def _edited(self, request: FillRequest, stop: StopToken) -> FillReply:
        """The reply to an instruction. Raises `DglsError` where the server takes none."""

    @abstractmethod
    async def _answer(self, request: FillRequest, index: int) -> Answer:
        """Candidate `index` for the only gap of a request."""

    @abstractmethod
    def _reply(
        self, request: FillRequest, found: Sequence[tuple[Answer, ...]], spent_ms: float
    ) -> FillReply:
        """The reply made of the answers for each candidate, which came in time."""

    async def _candidates(
        self, request: FillRequest, on_draft: OnDraft | None
    ) -> list[tuple[Answer, ...]]:
        """The answers for as many candidates as are wanted, all asked for at once."""
        calls = [
            self._candidate(request, index, on_draft) for index in range(request.limits.candidates)
        ]
        return await self._model.server.within(request.limits.deadline_ms, calls)

    async def _candidate(
        self, request: FillRequest, index: int, on_draft: OnDraft | None
    ) -> tuple[Answer, ...]:
        """An answer for each gap, each asked for when the ones before it are known."""
        answers: list[Answer] = []
        for gap in range(len(request.gaps)):
            texts = [answer.text for answer in answers]
            answers.append(await self._answer(single_gap(request, gap, texts), index))
        if on_draft is not None:
            on_draft(Draft(0, texts_of(answers)))
        return tuple(answers)


def texts_of(answers: Sequence[Answer]) -> tuple[str, ...]:
    """The text for each gap."""
    return tuple(answer.text for answer in answers)
