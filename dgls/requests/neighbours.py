"""What the model sees of other files: outlines of those that a document imports."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dgls.config import ContextSettings
from dgls.errors import DglsError
from dgls.files import read_small
from dgls.protocol import Snippet
from dgls.syntax.imported import imported_files
from dgls.syntax.languages import language_of
from dgls.syntax.outline import outline
from dgls.syntax.source import Source
from dgls.text.encodings import whole

MAX_MS = 15.0
"""The time limit for gathering outlines; those that miss it are there the next time."""

MayRead = Callable[[Path], bool]
"""Whether the privacy rules allow a file, given by an absolute path, to be read."""

_LARGEST_FILE = 200_000
_OUTLINE_CHARS = 400


@dataclass
class Outlines:
    """Outlines of files and documents, cached by name and version."""

    _kept: dict[tuple[str, int], str] = field(default_factory=dict)

    def imported(
        self,
        source: Source,
        path: Path,
        roots: Sequence[Path],
        may_read: MayRead,
        besides: Collection[Path] = (),
    ) -> Iterator[Snippet]:
        """The outlines of files that a source imports and that may be read.

        Files in `besides` are left out, because an open document is read in the editor's version.
        """
        if not path.is_absolute():
            return
        for file in imported_files(source, path, roots):
            if file in besides:
                continue
            if may_read(file) and (text := self._of_file(file)):
                yield Snippet(whole(file.name), text)

    def of(self, key: tuple[str, int], source: Source) -> str:
        """The outline of a source; `key` is its name, and a version or hash."""
        if key not in self._kept:
            for old in [each for each in self._kept if each[0] == key[0]]:
                del self._kept[old]
            self._kept[key] = outline(source, _OUTLINE_CHARS)
        return self._kept[key]

    def _of_file(self, file: Path) -> str:
        """The outline of a file on disk; "" if it cannot be read."""
        try:
            status = file.stat()
            key = (str(file), status.st_mtime_ns)
            if key not in self._kept and status.st_size <= _LARGEST_FILE:
                text = read_small(file, _LARGEST_FILE).decode("utf-8")
                return self.of(key, Source.parse(text, language_of(str(file))))
        except (OSError, ValueError, DglsError):
            return ""
        return self._kept.get(key, "")


def within(found: Iterable[Snippet], chars: int) -> tuple[Snippet, ...]:
    """The first snippets that fit into `chars` characters and arrive within `MAX_MS`."""
    give_up = time.monotonic() + MAX_MS / 1000
    kept: list[Snippet] = []
    for snippet in found:
        if chars < len(snippet.text) or time.monotonic() > give_up:
            break
        chars -= len(snippet.text)
        kept.append(snippet)
    return tuple(kept)


def imported_outlines(
    source: Source,
    path: Path,
    roots: Sequence[Path],
    settings: ContextSettings,
    may_read: MayRead,
) -> tuple[Snippet, ...]:
    """Outlines of the files that a file on disk imports, for callers without open documents."""
    if settings.chars <= 0 or not settings.outlines:
        return ()
    return within(Outlines().imported(source, path, roots, may_read), settings.chars)
