"""The common part of backends whose server answers in text, one gap at a time."""

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
    """The server's text for one gap.

    `log_prob` is that of the whole text in nats, None if the server does not tell; `prompt` is the
    number of prompt tokens, `cached` how many of them were in the server's cache.
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
        """Raises `SettingError` if the server's address or key is invalid."""
        self._settings = settings
        self._model = RemoteModel(settings)

    @property
    def name(self) -> str:
        """The model, and the host that code is sent to."""
        return self._model.shown

    @property
    def concurrency(self) -> int:
        """As many fills as the settings allow."""
        return self._settings.remote.concurrency

    def load(self, progress: OnProgress) -> None:
        """Ask the server for its model. Raises `RemoteError`."""
        self._model.load(progress)

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """Fill the gaps one by one. Raises `RemoteError`, or `Stopped` when time runs out."""
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
        """The reply to an instruction. Raises `DglsError` if the server does not support them."""

    @abstractmethod
    async def _answer(self, request: FillRequest, index: int) -> Answer:
        """Candidate `index` for the only gap of a request."""

    @abstractmethod
    def _reply(
        self, request: FillRequest, found: Sequence[tuple[Answer, ...]], spent_ms: float
    ) -> FillReply:
        """The reply made of the answers that arrived in time, for each candidate."""

    async def _candidates(
        self, request: FillRequest, on_draft: OnDraft | None
    ) -> list[tuple[Answer, ...]]:
        """The answers for as many candidates as are wanted, requested all at once."""
        calls = [
            self._candidate(request, index, on_draft) for index in range(request.limits.candidates)
        ]
        return await self._model.server.within(request.limits.deadline_ms, calls)

    async def _candidate(
        self, request: FillRequest, index: int, on_draft: OnDraft | None
    ) -> tuple[Answer, ...]:
        """An answer for each gap, each requested when the ones before it are known."""
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
