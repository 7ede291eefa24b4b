"""The progress of a fetch or a conversion: a bar on a terminal, occasional lines elsewhere."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

_LINE_S = 5.0

_LEAST_RATE = 10_000.0
"""In bytes per second; below this the time left is not shown, as right after the start."""


def progress_for_stderr() -> Bar | Lines:
    """The bar if standard error is a terminal, else lines."""
    console = Console(stderr=True, highlight=False)
    return Bar(console) if console.is_terminal else Lines()


class Bar:
    """A bar with rate and time left, or with a share and the time until now."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def begin(self, what: str, total: int, done: int = 0) -> None:
        """Show a new bar of bytes."""
        columns = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._begin(columns, what, total, done)

    def begin_percent(self, what: str) -> None:
        """Show a new bar of what is no transfer; `at` takes percent."""
        self._begin((TaskProgressColumn(), TimeElapsedColumn()), what, 100, 0)

    def at(self, done: int) -> None:
        """Move the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done)

    def end(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = None

    def say(self, line: str) -> None:
        """Print a line."""
        self._console.print(line, markup=False, soft_wrap=True)

    def _begin(self, columns: tuple[ProgressColumn, ...], what: str, total: int, done: int) -> None:
        described = (TextColumn("{task.description}"), BarColumn(), *columns)
        self._bar = Progress(*described, console=self._console, transient=True)
        self._task = self._bar.add_task(what, total=total, completed=done)
        self._bar.start()


class Lines:
    """A line every few seconds, for a log."""

    def __init__(self) -> None:
        self._what = ""
        self._total = 0
        self._of_bytes = True
        self._begun = (0.0, 0)
        self._told = 0.0

    def begin(self, what: str, total: int, done: int = 0) -> None:
        """Remember the task; a quick one is never shown."""
        self._what, self._total, self._of_bytes = what, total, True
        self._told = time.monotonic()
        self._begun = (self._told, done)

    def begin_percent(self, what: str) -> None:
        """The same for what is no transfer; `at` takes percent."""
        self.begin(what, 100)
        self._of_bytes = False

    def at(self, done: int) -> None:
        """Print the progress, unless that was done a moment ago."""
        now = time.monotonic()
        if now - self._told < _LINE_S:
            return
        self._told = now
        amount = self._amount(done, now) if self._of_bytes else f"{done} %"
        self.say(f"{self._what}: {amount}")

    def end(self) -> None:
        """Nothing to do."""

    def say(self, line: str) -> None:
        """A line on standard error."""
        print(line, file=sys.stderr, flush=True)

    def _amount(self, done: int, now: float) -> str:
        begun, before = self._begun
        rate = (done - before) / (now - begun)
        amount = f"{done / 1e6:,.0f} of {self._total / 1e6:,.0f} MB"
        if rate < _LEAST_RATE:
            return amount
        left = max(0.0, (self._total - done) / rate)
        return f"{amount}, {rate / 1e6:.1f} MB/s, {left:.0f} s left"
