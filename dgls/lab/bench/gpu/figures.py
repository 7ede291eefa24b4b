"""The measured figures, as a table and as JSON, written after each part."""

from __future__ import annotations

import json
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

NOT_MEASURED = "-"


@dataclass(frozen=True, slots=True)
class Figure:
    """One value of one part, for the weights in `scheme` ("" for none)."""

    part: str
    scheme: str
    what: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a part has no figures, or not all; `trace` is for debugging."""

    part: str
    scheme: str
    what: str
    trace: str = ""

    @classmethod
    def of(cls, part: str, scheme: str, error: Exception) -> Problem:
        """An error's first line, and its whole traceback."""
        lines = str(error).strip().splitlines() or [""]
        told = f"{type(error).__name__}: {lines[0][:300]}"
        return cls(part, scheme, told, "".join(traceback.format_exception(error)))


@dataclass(slots=True)
class Results:
    """All figures so far, written to disk at each addition, so that a run may be cut short."""

    machine: str
    command: str
    file: Path | None = None
    figures: list[Figure] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add(self, figures: Sequence[Figure]) -> None:
        """Add a part's figures."""
        self.figures += figures
        self._write()

    def failed(self, problem: Problem) -> None:
        """Record why a part has none."""
        self.problems.append(problem)
        self._write()

    def markdown(self) -> str:
        """A table per part, with a column for each scheme."""
        parts = list(dict.fromkeys(figure.part for figure in self.figures))
        tables = [
            _table(part, [each for each in self.figures if each.part == part]) for part in parts
        ]
        problems = "".join(map(_problem_line, self.problems))
        missing = f"\nNot measured:\n\n{problems}" if problems else ""
        return f"{self.machine}\n\n`{self.command}`\n\n" + "\n".join(tables) + missing

    def _write(self) -> None:
        if self.file is None:
            return
        fields = asdict(self)
        fields.pop("file")
        beside = self.file.with_name(self.file.name + ".partial")
        beside.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
        beside.replace(self.file)


def _problem_line(problem: Problem) -> str:
    scheme = f" ({problem.scheme})" if problem.scheme else ""
    return f"- {problem.part}{scheme}: {problem.what}\n"


def _table(part: str, figures: Sequence[Figure]) -> str:
    schemes = list(dict.fromkeys(figure.scheme for figure in figures))
    rows = list(dict.fromkeys((figure.what, figure.unit) for figure in figures))
    # Of several values the first is shown: later processes find the kernels compiled.
    values = {(each.what, each.unit, each.scheme): number(each.value) for each in reversed(figures)}
    lines = [f"| {part} | {' | '.join(scheme or 'value' for scheme in schemes)} |"]
    lines.append("|---|" + "---:|" * len(schemes))
    for what, unit in rows:
        cells = (values.get((what, unit, scheme), NOT_MEASURED) for scheme in schemes)
        lines.append(f"| {what}{f' ({unit})' if unit else ''} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """The number with about three significant digits."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"
