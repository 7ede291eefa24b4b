"""The order of fills: the newest of a kind, explicit before automatic, documents in turn."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from dgls.fill.stop import StopToken
from dgls.protocol import Draft, FillReply, FillRequest, Trigger


@dataclass(eq=False, slots=True)
class Job:
    """One fill in the scheduler. `arrived` is `time.monotonic()` in seconds."""

    request: FillRequest
    answer: asyncio.Future[FillReply]
    on_draft: Callable[[Draft], None] | None = None
    stop: StopToken = field(default_factory=StopToken)
    arrived: float = field(default_factory=time.monotonic)

    @property
    def document(self) -> tuple[str, str]:
        """The requesting client and document."""
        return (self.request.client, self.request.path)

    @property
    def is_automatic(self) -> bool:
        """Whether a newer request may supersede it."""
        return self.request.trigger is Trigger.AUTOMATIC

    def supersedes(self, older: Job) -> bool:
        """Whether this newer job supersedes `older`."""
        same = self.document == older.document and self.request.method == older.request.method
        return same and self.is_automatic and older.is_automatic


class FairQueue:
    """Waiting jobs. Documents take turns; within one, explicit jobs come first, oldest first.

    At most one automatic job waits per client, document and method.
    """

    def __init__(self) -> None:
        self._lanes: OrderedDict[tuple[str, str], list[Job]] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    def __iter__(self) -> Iterator[Job]:
        return (job for lane in self._lanes.values() for job in lane)

    def superseded_by(self, job: Job) -> Job | None:
        """The waiting job that a newer one supersedes."""
        lane = self._lanes.get(job.document, [])
        return next((older for older in lane if job.supersedes(older)), None)

    def has_of(self, client: str) -> bool:
        """Whether a job of a client is waiting."""
        return any(client == one for one, _ in self._lanes)

    def put(self, job: Job) -> None:
        """Add a job, replacing the one that it supersedes."""
        lane = self._lanes.setdefault(job.document, [])
        older = self.superseded_by(job)
        if older is not None:
            lane[lane.index(older)] = job
            return
        lane.append(job)
        lane.sort(key=lambda waiting: waiting.is_automatic)

    def take(self) -> Job | None:
        """The next job; its document goes to the end of the queue."""
        if not self._lanes:
            return None
        document, lane = self._lanes.popitem(last=False)
        job = lane.pop(0)
        if lane:
            self._lanes[document] = lane
        return job

    def remove(self, job: Job) -> None:
        """Remove a job; does nothing if it is not waiting."""
        lane = self._lanes.get(job.document, [])
        if job in lane:
            lane.remove(job)
            if not lane:
                del self._lanes[job.document]
