"""Measured values, and tables of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from dgls.policy.rhythm import quantile

_HEAD = "| what | p50 | p90 | p99 | n |\n|---|---|---|---|---|\n"


@dataclass(frozen=True, slots=True)
class Series:
    """A measurement: its name, unit and values."""

    what: str
    unit: str
    values: tuple[float, ...]

    def percentile(self, share: float) -> float:
        """The smallest value that at least `share` (0..1) of all values do not exceed."""
        return quantile(self.values, share)


@dataclass(frozen=True, slots=True)
class Page:
    """The report of one run: the machine, the series, and notes."""

    head: str
    rows: tuple[Series, ...]
    note: str = ""

    def markdown(self) -> str:
        """The page as Markdown."""
        note = f"\n{self.note}\n" if self.note else ""
        return f"{self.head}\n\n{table(self.rows)}{note}"

    def to_json(self) -> str:
        """The page as JSON: for each series its percentiles and the number of values."""
        series = [
            {
                "what": row.what,
                "unit": row.unit,
                **{f"p{share}": row.percentile(share / 100) for share in (50, 90, 99)},
                "n": len(row.values),
            }
            for row in self.rows
            if row.values
        ]
        return json.dumps({"machine": self.head, "series": series, "note": self.note}, indent=2)


def table(rows: Iterable[Series]) -> str:
    """The series as a Markdown table."""
    return _HEAD + "".join(_row(row) for row in rows if row.values)


def _row(series: Series) -> str:
    cells = [_number(series.percentile(share)) for share in (0.5, 0.9, 0.99)]
    # A percentile is left out if there are too few values, because it would equal the maximum.
    told = [len(series.values) >= least for least in (1, 10, 100)]
    shown = [cell if is_told else "" for cell, is_told in zip(cells, told, strict=True)]
    what = f"{series.what} ({series.unit})"
    return f"| {' | '.join([what, *shown, str(len(series.values))])} |\n"


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}" if value >= 100 else f"{value:.1f}"
