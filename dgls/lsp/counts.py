"""One session's additions to the local counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from dgls.counts import Count, Kind, add_counts, added, counts_file
from dgls.lsp.typist import Accepted, Shown, Typist

KEPT_AFTER_S = 30.0
"""How many seconds an accepted text must stay unchanged to count as kept."""

_WRITE_EVERY = 20


@dataclass
class Counts:
    """Counts in memory (`new`), written regularly if `are_wanted`."""

    are_wanted: Callable[[], bool]
    kept_after_s: float = KEPT_AFTER_S
    new: dict[Kind, Count] = field(default_factory=dict)

    def shown(self, shown: Shown) -> None:
        """Count a shown suggestion."""
        self._add(Kind.of(shown.language, shown.latency_ms), Count(shown=1))

    async def follow(self, typist: Typist, accepted: Accepted) -> None:
        """Count an accepted suggestion, and later whether it was kept."""
        kind = Kind.of(accepted.language, accepted.latency_ms)
        self._add(kind, Count(accepted=1))
        await asyncio.sleep(self.kept_after_s)
        if typist.still_holds(accepted):
            self._add(kind, Count(kept=1))

    def write(self) -> None:
        """Add the new counts to the file."""
        new, self.new = self.new, {}
        if self.are_wanted():
            add_counts(counts_file(), new)

    def _add(self, kind: Kind, count: Count) -> None:
        self.new = added(self.new, {kind: count})
        if sum(each.shown for each in self.new.values()) >= _WRITE_EVERY:
            self.write()
