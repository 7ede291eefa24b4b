"""What the model sees of other places: recent edits elsewhere, and outlines of other files.

The snippets are at the head of the prompt, so any change in them invalidates the whole prefix
cache. Therefore what changes least comes first, and nothing in them comes from the edited document,
which is in the prefix and suffix already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dgls.config import ContextSettings
from dgls.lsp.convert import key_of
from dgls.lsp.documents import Change, Document
from dgls.protocol import Snippet
from dgls.requests.neighbours import MayRead, Outlines, within
from dgls.text.encodings import whole
from dgls.text.lines import line_around

_MAX_EDITS = 3
_EDIT_CHARS = 200


@dataclass
class Surroundings:
    """The snippets of one session."""

    _outlines: Outlines = field(default_factory=Outlines)
    _edited: dict[tuple[str, int], None] = field(default_factory=dict)

    def edited(self, changes: Sequence[Change]) -> None:
        """Remember the edited lines by document."""
        for change in changes:
            line = change.after.lines.position(change.edit.span.start).line
            place = (key_of(change.after.uri), line)
            self._edited.pop(place, None)
            self._edited[place] = None
        while len(self._edited) > 10 * _MAX_EDITS:
            del self._edited[next(iter(self._edited))]

    def snippets(
        self,
        document: Document,
        others: Mapping[str, Document],
        roots: Sequence[Path],
        settings: ContextSettings,
        may_read: MayRead,
    ) -> tuple[Snippet, ...]:
        """The snippets for filling a gap in `document`, within the settings' characters.

        Files that the privacy rules exclude are neither read nor shown. Each is judged by its own
        rules.
        """
        return within(self._candidates(document, others, roots, settings, may_read), settings.chars)

    def _candidates(
        self,
        document: Document,
        others: Mapping[str, Document],
        roots: Sequence[Path],
        settings: ContextSettings,
        may_read: MayRead,
    ) -> Iterator[Snippet]:
        if settings.chars <= 0:
            return
        allowed = {
            key: other
            for key, other in others.items()
            if other.uri != document.uri and may_read(Path(other.path))
        }
        if settings.outlines and document.source is not None:
            path = Path(document.path)
            opened = {Path(other.path) for other in allowed.values()}
            yield from self._outlines.imported(document.source, path, roots, may_read, opened)
            yield from self._open(document, allowed)
        if settings.edits:
            yield from self._edits(allowed)

    def _open(self, document: Document, others: Mapping[str, Document]) -> Iterator[Snippet]:
        """Outlines of the other open documents in the same language, in a stable order."""
        for uri in sorted(others):
            other = others[uri]
            if other.source is None or document.source is None:
                continue
            if other.source.language is document.source.language:
                text = self._outlines.of((uri, hash(other.text)), other.source)
                if text:
                    yield Snippet(whole(Path(other.path).name), text)

    def _edits(self, others: Mapping[str, Document]) -> Iterator[Snippet]:
        """The lines that were last edited in other documents, the oldest first."""
        places = [place for place in self._edited if place[0] in others][-_MAX_EDITS:]
        for uri, line in places:
            other = others[uri]
            if line < len(other.lines.starts):
                span = line_around(other.text, other.lines.starts[line])
                text = span.of(other.text).strip()[:_EDIT_CHARS]
                if text:
                    yield Snippet(whole(Path(other.path).name), text)
