"""`dgls bench latency`: the times that a user waits for, as one table."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from dgls.config import Settings, changed
from dgls.errors import ModelError
from dgls.lab.bench.fills import one_line_fills
from dgls.lab.bench.machine import machine
from dgls.lab.bench.next_edit import pause_to_offer
from dgls.lab.bench.overhead import engine_calls, keystrokes, server_start
from dgls.lab.bench.series import Page, Series

_STARTS = 10


async def latency(settings: Settings, count: int, places: int, say: Callable[[str], None]) -> Page:
    """The report: `count` keystrokes, fills at `places` places with the settings' model.

    `say` gets progress messages. If the model is not here, its part is left out with a note.
    """
    rows: list[Series] = []
    note = ""
    with tempfile.TemporaryDirectory(prefix="dgls-") as name:
        folder = Path(name)
        say("starting the server")
        rows += await server_start(folder, _STARTS)
        say("typing")
        rows += await keystrokes(folder, count)
        rows += await pause_to_offer(folder, places)
        say("asking the engine")
        rows += await engine_calls(folder, count)
        say("filling")
        try:
            rows += await one_line_fills(changed(settings, {"engine.folder": name}), places)
        except ModelError as error:
            note = f"No fills were measured: {error}"
    return Page(machine(), tuple(rows), note)
