"""Whether dgls may do anything for a document: privacy, switches and snoozing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePath

from dgls.config import PrivacySettings, ShowSettings
from dgls.patterns import patterns
from dgls.policy.place import parts_in
from dgls.policy.privacy import Privacy
from dgls.policy.silence_reasons import Silence
from dgls.syntax.languages import known_named


@dataclass
class Permission:
    """The switches of one session. `snoozed_until` is on `clock`, in seconds."""

    clock: Callable[[], float] = time.monotonic
    snoozed_until: float = field(default=float("-inf"))

    def snooze(self, minutes: float) -> None:
        """Turn automatic suggestions off for some minutes; 0 ends that."""
        self.snoozed_until = self.clock() + 60 * minutes

    @property
    def is_snoozed(self) -> bool:
        """Whether suggestions are off for a while."""
        return self.clock() < self.snoozed_until

    def privacy(
        self, folders: tuple[Path, ...], settings: PrivacySettings, bases: tuple[Path, ...] = ()
    ) -> Privacy:
        """The rules for private files, which also apply to explicit requests.

        `bases` are folders of `dgls.toml` files, to which patterns are also relative.
        """
        return _privacy(folders, settings.secrets, settings.trusted, bases)

    def why_off(
        self, path: str, language: str, folders: tuple[Path, ...], settings: ShowSettings
    ) -> Silence | None:
        """Why automatic suggestions are off."""
        if not settings.automatic:
            return Silence.OFF
        if self.is_snoozed:
            return Silence.SNOOZED
        if _is_listed(language, settings.languages_off):
            return Silence.LANGUAGE_OFF
        if not settings.files_off:
            return None
        file = PurePath(path)
        names = parts_in(path, folders) or tuple(part for part in file.parts if part != file.anchor)
        is_off = bool(names) and _is_matched(settings.files_off, names)
        return Silence.FILE_OFF if is_off else None


@lru_cache(maxsize=1024)
def _is_listed(language: str, listed: tuple[str, ...]) -> bool:
    """Whether a language is in a list, by any of its names."""
    known = known_named(language)
    return language in listed or (known is not None and known in map(known_named, listed))


@lru_cache(maxsize=1024)
def _is_matched(texts: tuple[str, ...], names: tuple[str, ...]) -> bool:
    return patterns(texts).matches(names)


@lru_cache(maxsize=16)
def _privacy(
    folders: tuple[Path, ...], secrets: tuple[str, ...], trusted: bool, bases: tuple[Path, ...]
) -> Privacy:
    return Privacy(folders, secrets, trusted, bases)
