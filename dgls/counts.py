"""Local counts of what was shown and accepted: one file on this machine, numbers and no code.

A row is a language and a class of latency. The file is read by `dgls stats` and by nothing else;
nothing of it is ever sent.
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
"""Bounds of the classes of latency; what took longer than the last one is a class of its own."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many suggestions were shown, accepted whole, and still there 30 seconds later."""

    shown: int = 0
    accepted: int = 0
    kept: int = 0

    def plus(self, other: Count) -> Count:
        """Both together."""
        return replace(
            self,
            shown=self.shown + other.shown,
            accepted=self.accepted + other.accepted,
            kept=self.kept + other.kept,
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """What is counted together: a language, and the bound in ms that the wait stayed within."""

    language: str
    within_ms: float

    @classmethod
    def of(cls, language: str, latency_ms: float) -> Kind:
        """The kind of a suggestion that took so long."""
        bounds = (bound for bound in LATENCIES_MS if latency_ms <= bound)
        return cls(language, next(bounds, float("inf")))


Counted = Mapping[Kind, Count]


def added(one: Counted, other: Counted) -> dict[Kind, Count]:
    """Both together."""
    kinds = [*one, *(kind for kind in other if kind not in one)]
    return {kind: one.get(kind, Count()).plus(other.get(kind, Count())) for kind in kinds}


def counts_file() -> Path:
    """Where the counts of this user are."""
    from platformdirs import user_state_dir

    return Path(user_state_dir("dgls", appauthor=False)) / FILE_NAME


def read_counts(path: Path) -> dict[Kind, Count]:
    """The counts in a file; none where there is no file or it cannot be read."""
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
    """Add to the counts in a file, which is the user's alone. One that cannot be written stays."""
    if not new:
        return
    # Of two editors that write in the same instant one's counts may be lost; they are no ledger.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [
            {"language": kind.language, "within_ms": kind.within_ms, **asdict(count)}
            for kind, count in added(read_counts(path), new).items()
        ]
        write_private(path, json.dumps(rows, indent=1) + "\n")
