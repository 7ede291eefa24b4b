"""Local counts of shown and accepted suggestions: one file on this machine, numbers only.

A row is for one language and one latency class. Only `dgls stats` reads the file; nothing of it is
ever sent.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from dgls.files import read_small, write_private

FILE_NAME = "counts.json"

LATENCIES_MS = (100.0, 300.0, 1_000.0)
"""Upper bounds of the latency classes; everything slower is one more class."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many suggestions were shown, accepted completely, and unchanged 30 seconds later."""

    shown: int = 0
    accepted: int = 0
    kept: int = 0

    def plus(self, other: Count) -> Count:
        """The sum of both."""
        return replace(
            self,
            shown=self.shown + other.shown,
            accepted=self.accepted + other.accepted,
            kept=self.kept + other.kept,
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """The key of a count: a language, and the upper bound in ms of the latency class."""

    language: str
    within_ms: float

    @classmethod
    def of(cls, language: str, latency_ms: float) -> Kind:
        """The kind of a suggestion with this latency."""
        bounds = (bound for bound in LATENCIES_MS if latency_ms <= bound)
        return cls(language, next(bounds, float("inf")))


Counted = Mapping[Kind, Count]


def added(one: Counted, other: Counted) -> dict[Kind, Count]:
    """The sums of both."""
    kinds = [*one, *(kind for kind in other if kind not in one)]
    return {kind: one.get(kind, Count()).plus(other.get(kind, Count())) for kind in kinds}


def counts_file() -> Path:
    """The path of this user's counts."""
    from platformdirs import user_state_dir

    return Path(user_state_dir("dgls", appauthor=False)) / FILE_NAME


def read_counts(path: Path) -> dict[Kind, Count]:
    """The counts in a file; empty if there is no file or it cannot be read."""
    try:
        rows = json.loads(read_small(path).decode("utf-8"))
        return {
            Kind(row["language"], float(row["within_ms"])): Count(
                int(row["shown"]), int(row["accepted"]), int(row["kept"])
            )
            for row in rows
        }
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return {}


def add_counts(path: Path, new: Counted) -> None:
    """Add to the counts in a private file. If writing fails the file stays unchanged."""
    if not new:
        return
    # If two editors write at the same instant, one's counts may be lost; precision is not needed.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [
            {"language": kind.language, "within_ms": kind.within_ms, **asdict(count)}
            for kind, count in added(read_counts(path), new).items()
        ]
        write_private(path, json.dumps(rows, indent=1) + "\n")
