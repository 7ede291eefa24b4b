"""Whether dgls may do anything for a document: privacy, switches, and a switch for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from dgls.config import PrivacySettings, ShowSettings
from dgls.patterns import patterns
from dgls.policy.privacy import Privacy
from dgls.policy.silence import Silence


@dataclass
class Permission:
    """The switches of one session. `snoozed_until` is on `clock`, in seconds."""

    clock: Callable[[], float] = time.monotonic
    snoozed_until: float = field(default=float("-inf"))

    def snooze(self, minutes: float) -> None:
        """Suggest nothing unasked for some minutes; 0 ends that."""
        self.snoozed_until = self.clock() + 60 * minutes

    @property
    def is_snoozed(self) -> bool:
        """Whether suggestions are off for a while."""
        return self.clock() < self.snoozed_until

    def why_never(
        self, path: str, folders: tuple[Path, ...], settings: PrivacySettings
    ) -> Silence | None:
        """Why a file is not touched at all, even where the user asks."""
        return self.privacy(folders, settings).why_not(path)

    def privacy(self, folders: tuple[Path, ...], settings: PrivacySettings) -> Privacy:
        """The rules of what is left alone."""
        return _privacy(folders, settings.secrets, settings.trusted)

    def why_off(
        self, path: str, language: str, folders: tuple[Path, ...], settings: ShowSettings
    ) -> Silence | None:
        """Why nothing is suggested unasked."""
        if not settings.automatic:
            return Silence.OFF
        if self.is_snoozed:
            return Silence.SNOOZED
        if language in settings.languages_off:
            return Silence.LANGUAGE_OFF
        names = _names_in(path, folders)
        is_off = bool(names) and patterns(settings.files_off).matches(names)
        return Silence.FILE_OFF if is_off else None


@lru_cache(maxsize=16)
def _privacy(folders: tuple[Path, ...], secrets: tuple[str, ...], trusted: bool) -> Privacy:
    return Privacy(folders, secrets, trusted)


def _names_in(path: str, folders: tuple[Path, ...]) -> tuple[str, ...]:
    """The parts of the path from the innermost folder on that holds it, else all of them."""
    file = Path(path)
    inside = [folder for folder in folders if file.is_relative_to(folder)]
    base = max(inside, key=lambda each: len(each.parts)) if inside else Path(file.anchor)
    return file.relative_to(base).parts
