"""One run over all cases: the rules alone, or a model through the engine's own backend."""

from __future__ import annotations

from collections.abc import Sequence

from dgls.engine.backends.local import LocalBackend
from dgls.fill.stop import StopToken
from dgls.lab.evaluation.faults import asked, given
from dgls.lab.evaluation.faults.cases import FaultCase
from dgls.lab.evaluation.faults.report import FaultReport, judged
from dgls.lab.evaluation.runner import OnDone
from dgls.protocol import FillReply, FillRequest


def run_faults(
    cases: Sequence[FaultCase],
    model: str | None,
    device: str | None = None,
    on_done: OnDone = lambda what, count: None,
) -> FaultReport:
    """The report on the cases; `on_done` is called after each one.

    Raises `ModelError` if the model cannot be loaded.
    """
    if model is None:
        return judged("The rules on given answers", cases, given.what_is_wrong, on_done)
    backend = LocalBackend(model, device or "auto")
    backend.load(lambda share, what: None)
    answers = asked.can_answer(backend.name, backend.languages)

    def ask(request: FillRequest) -> FillReply:
        return backend.fill(request, StopToken())

    def what_is_wrong(case: FaultCase) -> str:
        return asked.what_is_wrong(case, ask, answers)

    return judged(backend.name, cases, what_is_wrong, on_done)
