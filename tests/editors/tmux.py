"""A terminal that a test reads: one tmux pane with an editor in it."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.downloads import EDITORS

WIDTH, HEIGHT = 84, 18
PATIENCE_S = 180.0
ASK_AGAIN_S = 20.0

_OWN = EDITORS / "tmux" / "launch" / "tmux"
_OPTIONS = {
    "status": "off",
    "escape-time": "0",
    "default-terminal": "tmux-256color",
    "remain-on-exit": "on",
}


def tmux_program() -> str | None:
    """The system's tmux, else the one that `tests/editors/install.sh` unpacked."""
    return shutil.which("tmux") or (str(_OWN) if _OWN.exists() else None)


class Pane:
    """A program in a terminal of `WIDTH` times `height` cells, on a separate tmux server.

    `folder` is for the server's socket. No wait is longer than `PATIENCE_S`.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        height: int = HEIGHT,
    ) -> None:
        program = tmux_program()
        assert program is not None, "tmux is not installed"
        self._tmux = [program, "-S", str(folder / "tmux.sock"), "-f", "/dev/null"]
        self._command = list(command)
        self._folder = folder
        self._height = height
        self._environment = {**environment, "COLORTERM": "truecolor"}

    def __enter__(self) -> Self:
        options: list[str] = []
        for name, value in _OPTIONS.items():
            options += ["set-option", "-g", name, value, ";"]
        size = ["-x", str(WIDTH), "-y", str(self._height)]
        start = ["new-session", "-d", *size, "-c", str(self._folder), *self._command]
        self._run(*options, *start)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run("kill-server")

    def keys(self, *keys: str) -> None:
        """Press keys by tmux's names, such as `Enter` and `C-x`."""
        self._run("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type a text, character by character."""
        self._run("send-keys", "-l", text)

    def screen(self) -> str:
        """The terminal's rows without trailing spaces."""
        return self._run("capture-pane", "-p")

    def colours(self) -> str:
        """The terminal's content with the escape sequences of its colours."""
        return self._run("capture-pane", "-p", "-e", "-N")

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition, with pauses between checks, because the machine has other work."""
        give_up = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > give_up:
                raise TimeoutError(f"Not within {PATIENCE_S:g} s: {what}.\n{self.screen()}")
            time.sleep(0.1)

    def cursor(self) -> tuple[int, int]:
        """The column and the row of the cursor, from 0."""
        column, row = self._run("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        return int(column), int(row)

    def ask_until(self, ask: Callable[[], object], text: str) -> None:
        """Ask again, some seconds apart, until the terminal shows a text.

        For an editor that gives up on an answer that arrives late on a busy machine.
        """

        def is_answered() -> bool:
            ask()
            give_up = time.monotonic() + ASK_AGAIN_S
            while text not in self.screen() and time.monotonic() < give_up:
                time.sleep(0.2)
            return text in self.screen()

        self.until(is_answered, f"{text!r} is shown")

    def until_shown(self, text: str) -> None:
        """Wait until the terminal shows a text."""
        self.until(lambda: text in self.screen(), f"{text!r} is shown")

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments],
            env=self._environment,
            capture_output=True,
            timeout=PATIENCE_S,
            check=True,
        )
        return done.stdout.decode()
