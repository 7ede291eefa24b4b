"""The status that editors show: the state of dgls in fields, and in one line."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """What dgls can do at the moment."""

    LOADING = "loading"
    READY = "ready"
    SLOW = "slow"
    OFF = "off"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Report:
    """The notification's parameters.

    `message` is for a person: what is being loaded, why it is slow or off, or what failed and what
    to do. `percent` is 0..100 while loading; `p50_ms` is the median time of the last fills, rounded
    to two digits; `quiet` is why nothing was suggested at the cursor just now; `remedy` ends an
    `off`; `better` tells how to get a better model, if none is here; `doing` is what the user asked
    for and waits for.
    """

    state: State
    message: str = ""
    percent: int | None = None
    model: str = ""
    device: str = ""
    p50_ms: float | None = None
    cores: int | None = None
    quiet: str = ""
    remedy: str = ""
    better: str = ""
    doing: str = ""

    @property
    def line(self) -> str:
        """All of it in one line for a person."""
        line = _LINES[self.state](self)
        return f"{self.doing} now; {line}" if self.doing else line

    def to_json(self) -> dict[str, Any]:
        """The parameters as JSON, without unknown ones; `line` has all of it in words."""
        fields = {**dataclasses.asdict(self), "line": self.line}
        return {name: value for name, value in fields.items() if value not in (None, "")}


def _loading_line(report: Report) -> str:
    return f"loading, {report.percent or 0} %: {report.message}"


def _ready_line(report: Report) -> str:
    subject = ", ".join(filter(None, (_model(report), _where(report))))
    usual = f"usually {_time(report.p50_ms)}" if report.p50_ms is not None else ""
    slow = "slow here (see dgls doctor)"
    state = slow if report.state is State.SLOW else ""
    about = ", ".join(filter(None, (subject or "ready", usual, state)))
    quiet = f"quiet here: {report.quiet}" if report.quiet else ""
    return "; ".join(filter(None, (about, quiet, report.better)))


def _off_line(report: Report) -> str:
    return f"off here: {report.message}" + (f" ({report.remedy})" if report.remedy else "")


def _failed_line(report: Report) -> str:
    return f"failed: {report.message}"


_LINES: dict[State, Callable[[Report], str]] = {
    State.LOADING: _loading_line,
    State.READY: _ready_line,
    State.SLOW: _ready_line,
    State.OFF: _off_line,
    State.FAILED: _failed_line,
}

_SIZE = re.compile(r"\d+(\.\d+)?[bm]", re.IGNORECASE)
_TUNING = {"instruct", "it", "base", "chat"}


def _model(report: Report) -> str:
    """The model's usual name: `qwen2.5-coder-0.5b-instruct` is Qwen2.5-Coder 0.5B."""
    name = report.model.split("/")[-1]
    words = [word for word in name.split("-") if word.lower() not in _TUNING]
    sizes = [word.upper() for word in words if _SIZE.fullmatch(word)]
    if not sizes:
        return name
    names = [word[:1].upper() + word[1:] for word in words if not _SIZE.fullmatch(word)]
    return " ".join(filter(None, ("-".join(names), *sizes)))


def _where(report: Report) -> str:
    if report.cores:
        return f"{report.cores} core{'' if report.cores == 1 else 's'}"
    return report.device


def _time(ms: float) -> str:
    return f"{ms:g} ms" if ms < 1_000 else f"{ms / 1_000:g} s"
