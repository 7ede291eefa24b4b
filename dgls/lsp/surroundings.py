"""What the model is told of other places: recent edits elsewhere, and outlines of other files.

The snippets stand at the head of the prompt, so a change in them costs the whole prefix cache.
Therefore what changes least comes first, and nothing in them comes from the document that is
typed in: it is in the prefix and suffix already.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dgls.config import ContextSettings
from dgls.errors import DglsError
from dgls.files import read_small
from dgls.lsp.convert import key_of
from dgls.lsp.documents import Change, Document
from dgls.policy.privacy import Privacy
from dgls.protocol import Snippet
from dgls.syntax.imported import imported_files
from dgls.syntax.languages import language_of
from dgls.syntax.outline import outline
from dgls.syntax.source import Source
from dgls.text.lines import line_around

MOST_MS = 15.0
"""How long gathering may take; what is not there by then is left out, and there the next time."""

_LARGEST_FILE = 200_000
_OUTLINE_CHARS = 400
_MOST_EDITS = 3
_EDIT_CHARS = 200


@dataclass
class Surroundings:
    """The snippets of one session. Outlines are kept by file and version."""

    _outlines: dict[tuple[str, int], str] = field(default_factory=dict)
    _edited: dict[tuple[str, int], None] = field(default_factory=dict)

    def edited(self, changes: Sequence[Change]) -> None:
        """Remember where something was edited: the line, by its document."""
        for change in changes:
            line = change.after.lines.position(change.edit.span.start).line
            place = (key_of(change.after.uri), line)
            self._edited.pop(place, None)
            self._edited[place] = None
        while len(self._edited) > 10 * _MOST_EDITS:
            del self._edited[next(iter(self._edited))]

    def snippets(
        self,
        document: Document,
        others: Mapping[str, Document],
        roots: Sequence[Path],
        settings: ContextSettings,
        privacy: Privacy,
    ) -> tuple[Snippet, ...]:
        """What helps to fill a gap in `document`, within the settings' characters and `MOST_MS`.

        Files that the privacy rules exclude are neither read nor shown.
        """
        give_up = time.monotonic() + MOST_MS / 1000
        found: list[Snippet] = []
        left = settings.chars
        for snippet in self._candidates(document, others, roots, settings, privacy):
            if left < len(snippet.text) or time.monotonic() > give_up:
                break
            left -= len(snippet.text)
            found.append(snippet)
        return tuple(found)

    def _candidates(
        self,
        document: Document,
        others: Mapping[str, Document],
        roots: Sequence[Path],
        settings: ContextSettings,
        privacy: Privacy,
    ) -> Iterator[Snippet]:
        if settings.chars <= 0:
            return
        allowed = {
            key: other
            for key, other in others.items()
            if other.uri != document.uri and privacy.why_not(other.path) is None
        }
        if settings.outlines:
            yield from self._imported(document, roots, privacy)
            yield from self._open(document, allowed)
        if settings.edits:
            yield from self._edits(allowed)

    def _imported(
        self, document: Document, roots: Sequence[Path], privacy: Privacy
    ) -> Iterator[Snippet]:
        path = Path(document.path)
        if document.source is None or not path.is_absolute():
            return
        for file in imported_files(document.source, path, roots):
            if privacy.why_not(str(file)) is None and (text := self._of_file(file)):
                yield Snippet(file.name, text)

    def _open(self, document: Document, others: Mapping[str, Document]) -> Iterator[Snippet]:
        """Outlines of the other open documents of the language, in a steady order."""
        for uri in sorted(others):
            other = others[uri]
            if other.source is None or document.source is None:
                continue
            if other.source.language is document.source.language:
                text = self._kept((uri, other.version), other.source)
                if text:
                    yield Snippet(Path(other.path).name, text)

    def _edits(self, others: Mapping[str, Document]) -> Iterator[Snippet]:
        """The lines that were edited last in other documents, the oldest first."""
        places = [place for place in self._edited if place[0] in others][-_MOST_EDITS:]
        for uri, line in places:
            other = others[uri]
            if line < len(other.lines.starts):
                span = line_around(other.text, other.lines.starts[line])
                text = span.of(other.text).strip()[:_EDIT_CHARS]
                if text:
                    yield Snippet(Path(other.path).name, text)

    def _of_file(self, file: Path) -> str:
        """The outline of a file on the disk, empty where it cannot be read."""
        try:
            status = file.stat()
            key = (str(file), status.st_mtime_ns)
            if key not in self._outlines and status.st_size <= _LARGEST_FILE:
                text = read_small(file, _LARGEST_FILE).decode("utf-8")
                source = Source.parse(text, language_of(str(file)))
                return self._kept(key, source)
        except (OSError, ValueError, DglsError):
            return ""
        return self._outlines.get(key, "")

    def _kept(self, key: tuple[str, int], source: Source) -> str:
        if key not in self._outlines:
            for old in [each for each in self._outlines if each[0] == key[0]]:
                del self._outlines[old]
            self._outlines[key] = outline(source, _OUTLINE_CHARS)
        return self._outlines[key]
