"""What is allowed for a document: its folder's settings, privacy, and the user's switches."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dgls.config import LiveSettings, Resolved, Settings
from dgls.errors import InputError
from dgls.lsp.disk_lookups import Once
from dgls.lsp.documents import Document
from dgls.lsp.permission import Permission
from dgls.policy.place import parts_in
from dgls.policy.privacy import Privacy
from dgls.policy.silence_reasons import Silence
from dgls.text.encodings import whole


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules for one message. Disk look-ups are made once.

    `knows` tells whether the model was trained on a language, as far as known; `complain` gets
    errors of rejected settings.
    """

    live: LiveSettings
    root: Path | None
    folders: tuple[Path, ...]
    permission: Permission
    knows: Callable[[str], bool]
    complain: Callable[[Iterable[str]], None]
    _found: Once = field(default_factory=Once)

    @property
    def settings(self) -> Settings:
        """The settings of the session."""
        return self._settings_in(self.root).settings

    def settings_for(self, document: Document) -> Settings:
        """The settings for a document: those of the session and of its folder."""
        return self._resolved_for(document).settings

    def may_read(self, path: Path) -> bool:
        """Whether the privacy rules allow a file to be read, such as for context."""
        return self._judged(str(path))[0] is None

    def why_silent(self, document: Document, *, automatic: bool) -> Silence | None:
        """Why nothing is done for a document: privacy, or switches for `automatic` requests."""
        never, fault = self._judged(document.path)
        if fault:
            self.complain([f"{fault}; dgls fills no file in its repository."])
        if never is not None or not automatic:
            return never
        settings = self.settings_for(document)
        language = document.source.language.id if document.source else document.language_id
        off = self.permission.why_off(document.path, language, self.folders, settings.show)
        return off if off is not None or self.knows(language) else Silence.UNTRAINED

    def path_in_project(self, path: str) -> str:
        """The path below the innermost open folder, else the bare file name.

        The part above it (a home folder, a user's name) tells the model nothing.
        """
        return whole("/".join(self._parts(path) or (Path(path).name,)))

    def check(self, document: Document) -> None:
        """Raise `InputError` if the privacy rules forbid touching a document."""
        reason = self.why_silent(document, automatic=False)
        if reason is not None:
            raise InputError(f"Nothing was done: {reason.value}.")

    def _judged(self, path: str) -> tuple[Silence | None, str]:
        """Why a file is left alone, and what is wrong if an ignore file is the cause."""
        return self._found.get(("private", path), lambda: self._judgement(path))

    def _judgement(self, path: str) -> tuple[Silence | None, str]:
        for rules in self._privacy_of(path):
            never, fault = rules.explained(path)
            if never is not None:
                return never, fault
        return None, ""

    def _privacy_of(self, path: str) -> Iterator[Privacy]:
        """The rules of the session, of a file's folder, and of its link target's folder."""
        places = [self.root]
        if self._parts(path) is not None:
            places += [Path(path).parent, Path(os.path.realpath(path)).parent]
        for place in dict.fromkeys(places):
            found = self._settings_in(place)
            yield self.permission.privacy(self.folders, found.settings.privacy, found.folders)

    def _resolved_for(self, document: Document) -> Resolved:
        return self._found.get(
            ("resolved", document.path), lambda: self._resolved_at(document.path)
        )

    def _resolved_at(self, path: str) -> Resolved:
        inside = self._parts(path) is not None
        resolved = self._settings_in(Path(path).parent if inside else self.root)
        self.complain(resolved.messages)
        return resolved

    def _parts(self, path: str) -> tuple[str, ...] | None:
        """The parts of a file's path below the innermost open folder; None if it is in none."""
        return self._found.get(("parts", path), lambda: parts_in(path, self.folders))

    def _settings_in(self, folder: Path | None) -> Resolved:
        return self._found.get(("settings", folder), lambda: self.live.at(folder))
