"""Decides when the status changes and sends `dgls/status`; `report.py` has the text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from dgls.errors import DglsError
from dgls.lsp.report import Report, State
from dgls.policy.silence_reasons import Silence
from dgls.protocol import Health

METHOD = "dgls/status"

SLOW_MS = 1_000.0
"""A model whose median fill takes longer (in ms) is of little use during typing."""


@dataclass
class Indicator:
    """The newest report. `send` is called with each report that differs."""

    send: Callable[[Report], None]
    report: Report = field(
        default_factory=lambda: Report(State.LOADING, "waiting for a document", 0)
    )
    _model: Report = field(default_factory=lambda: Report(State.READY))

    def loading(self, share: float, what: str) -> None:
        """The model is being loaded; `share` is 0..1."""
        self._tell(Report(State.LOADING, what or "starting the engine", round(100 * share)))

    def ready(self, health: Health | None) -> None:
        """The model is loaded."""
        if health is not None:
            # The engine's client has imported it by now, so `initialize` did not wait for it.
            from dgls.checkpoint.automatic_model import EMBEDDED_CHECKPOINT, offer

            cores = health.cores or None
            better = offer() if health.model == EMBEDDED_CHECKPOINT else ""
            self._model = replace(
                self._model, model=health.model, device=health.device, cores=cores, better=better
            )
        self._tell(self._model)

    def filled(self, p50_ms: float | None) -> None:
        """A fill was made; `p50_ms` is the median time of the last ones."""
        rounded = None if p50_ms is None else float(f"{p50_ms:.2g}")
        slow = rounded is not None and rounded > SLOW_MS
        where = f" on {self._model.device}" if self._model.device else ""
        message = f"half of the fills take {rounded:g} ms or more{where}" if slow else ""
        state = State.SLOW if slow else State.READY
        self._model = replace(self._model, state=state, message=message, p50_ms=rounded)
        self._tell(self._model)

    def broken_off(self, p50_ms: float | None) -> None:
        """The user typed on before a fill came; that changes nothing but the usual time."""
        if p50_ms is not None and self.report.state in (State.READY, State.SLOW):
            self.filled(p50_ms)

    def doing(self, what: str) -> None:
        """Something that the user asked for and waits for; "" when it is done."""
        self._model = replace(self._model, doing=what)
        self._tell(replace(self.report, doing=what))

    def off(self, reason: Silence) -> None:
        """Nothing is suggested in the user's present document."""
        model = replace(self._model, quiet="", message=reason.value, remedy=reason.remedy)
        self._tell(replace(model, state=State.OFF))

    def quiet(self, reason: Silence | None) -> None:
        """Why nothing was suggested at the cursor; None if something was."""
        self._model = replace(self._model, quiet=reason.value if reason else "")
        if self.report.state in (State.READY, State.SLOW):
            self._tell(self._model)

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
