"""Settings that follow their files: read again when a `dgls.toml` among them has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from dgls.config.resolver import Resolved, resolve
from dgls.config.sources import project_files, user_files

_Stamps = tuple[tuple[Path, int, int, int], ...]


@dataclass
class LiveSettings:
    """The settings of each folder, with the caller's `overrides` on top.

    A query compares the times of the files, some 20 microseconds, and reads nothing if nothing
    changed. So no editor has to watch them.
    """

    overrides: Mapping[str, Any] = field(default_factory=dict)
    _known: dict[Path | None, tuple[_Stamps, Resolved]] = field(default_factory=dict)

    def at(self, folder: Path | None) -> Resolved:
        """The settings for files in `folder`; the same object as long as they are unchanged."""
        stamps = self._stamps(folder)
        known = self._known.get(folder)
        if known is None or known[0] != stamps:
            known = stamps, resolve(folder, overrides=self.overrides)
            self._known[folder] = known
        return known[1]

    def _stamps(self, folder: Path | None) -> _Stamps:
        """The files that count for a folder, with values that change when they do."""
        found = []
        for path in (*self._user_files, *project_files(folder)):
            try:
                status = path.stat()
            except OSError:
                continue
            # The last value also shows changed permissions, or a replaced file.
            found.append((path, status.st_mtime_ns, status.st_size, status.st_ctime_ns))
        return tuple(found)

    @cached_property
    def _user_files(self) -> list[Path]:
        """Constant for a session, because the process's environment does not change."""
        return user_files()
