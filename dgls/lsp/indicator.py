"""What an editor can show of dgls all the time: the notification `dgls/status`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from lsprotocol import types

from dgls.errors import DglsError
from dgls.policy.silence import Silence
from dgls.protocol import Health

METHOD = "dgls/status"

OPT_IN = "dglsStatus"
"""What a client says in `capabilities.experimental` to be sent the notification."""

SLOW_MS = 1_000.0
"""A model whose usual fill takes longer is of little use while typing."""


class State(StrEnum):
    """Where dgls stands."""

    LOADING = "loading"
    READY = "ready"
    SLOW = "slow"
    OFF = "off"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Report:
    """The notification's parameters.

    `message` is for a person: what is being loaded, why it is slow or off, or what failed and
    what to do. `percent` is 0..100 while loading; `p50_ms` is how long half of the last fills took
    at most, rounded to two digits.
    """

    state: State
    message: str = ""
    percent: int | None = None
    model: str = ""
    device: str = ""
    p50_ms: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The parameters as JSON, what is not known left out."""
        fields = dataclasses.asdict(self)
        return {name: value for name, value in fields.items() if value not in (None, "")}


@dataclass
class Indicator:
    """The newest report. `send` is called with each one that says something new."""

    send: Callable[[Report], None]
    report: Report = Report(State.LOADING, "waiting for a document", 0)
    _model: Report = field(default_factory=lambda: Report(State.READY))

    def loading(self, share: float, what: str) -> None:
        """The model is being loaded; `share` is 0..1."""
        self._tell(Report(State.LOADING, what or "starting the engine", round(100 * share)))

    def ready(self, health: Health | None) -> None:
        """The model is there."""
        if health is not None:
            self._model = replace(self._model, model=health.model, device=health.device)
        self._tell(self._model)

    def filled(self, p50_ms: float | None) -> None:
        """A fill was made; half of the last ones took at most this long."""
        rounded = None if p50_ms is None else float(f"{p50_ms:.2g}")
        slow = rounded is not None and rounded > SLOW_MS
        where = f" on {self._model.device}" if self._model.device else ""
        message = f"half of the fills take {rounded:g} ms or more{where}" if slow else ""
        state = State.SLOW if slow else State.READY
        self._model = replace(self._model, state=state, message=message, p50_ms=rounded)
        self._tell(self._model)

    def off(self, reason: Silence) -> None:
        """Nothing is suggested in the document that the user is in."""
        self._tell(replace(self._model, state=State.OFF, message=reason.value))

    def on(self) -> None:
        """Suggestions are wanted here; an earlier `off` is over."""
        if self.report.state is State.OFF:
            self._tell(self._model)

    def failed(self, error: DglsError) -> None:
        """The model cannot be used; the error says what to do."""
        self._tell(Report(State.FAILED, str(error)))

    def _tell(self, report: Report) -> None:
        if report != self.report:
            self.report = report
            self.send(report)


def is_wanted(capabilities: types.ClientCapabilities) -> bool:
    """Whether the client asks for the notification."""
    experimental = capabilities.experimental
    if isinstance(experimental, dict):
        return bool(experimental.get(OPT_IN))
    return bool(getattr(experimental, OPT_IN, False))
