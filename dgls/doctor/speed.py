"""Times real fills through the engine, with the model of the settings."""

from __future__ import annotations

import statistics
import time

from dgls.client import EngineClient
from dgls.config import Settings
from dgls.doctor.findings import Speed
from dgls.protocol import FillRequest, OnProgress, Trigger

_FILLS = 6
_SUFFIX = "\n    return result\n\n\nprint(total([1, 2, 3]))\n"


async def measure(settings: Settings, on_progress: OnProgress) -> Speed:
    """Fill a line of a small function as during typing, several times with different prefixes.

    An engine is started if none runs, and stopped afterwards. Raises `DglsError` if it cannot be
    started or the model cannot be loaded.
    """
    async with EngineClient(settings) as client:
        was_there = await client.health() is not None
        began = time.perf_counter()
        try:
            await client.wait_ready(on_progress)
            starting = 0.0 if was_there else _since(began)
            times, steps, model = [], [], ""
            for number in range(_FILLS):
                on_progress(number / _FILLS, "timing fills")
                began = time.perf_counter()
                reply = await client.fill(_request(number))
                times.append(_since(began))
                steps.append(reply.steps)
                model = reply.model
        finally:
            if not was_there:
                await client.stop_engine()
    first, *others = times
    median = statistics.median(others)
    return Speed(model, _FILLS, starting, first, median, round(statistics.median(steps)))


def _request(number: int) -> FillRequest:
    prefix = f"def total(items):\n    # Sum number {number}.\n    result = "
    return FillRequest(
        (prefix, _SUFFIX), path="doctor.py", client="doctor", trigger=Trigger.AUTOMATIC
    )


def _since(began: float) -> float:
    return 1000 * (time.perf_counter() - began)
