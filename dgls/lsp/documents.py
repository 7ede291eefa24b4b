"""The open documents: one immutable snapshot per version, with its incremental syntax tree."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from lsprotocol import types

from dgls.errors import LanguageError
from dgls.lsp.convert import Convention, key_of, path_of
from dgls.syntax.languages import language_of_document
from dgls.syntax.source import Source
from dgls.text.lines import Lines
from dgls.text.spans import Edit, Span, apply_edits

NO_VERSION = -(2**31)
"""The version of a document whose editor gives none."""


@dataclass(frozen=True)
class Document:
    """One version of an open document, by the URI under which it was opened.

    If the editor does not count versions, dgls does, and `versioned` is False. `source` is None if
    dgls cannot help: no grammar for the language, or text with a lone surrogate.
    """

    uri: str
    version: int
    text: str
    source: Source | None
    convention: Convention
    language_id: str = ""
    versioned: bool = True

    @property
    def path(self) -> str:
        """The file path, or the path inside the URI of an unsaved document."""
        return path_of(self.uri)

    @property
    def identifier(self) -> types.OptionalVersionedTextDocumentIdentifier:
        """This version for an edit; any version if the editor counts none."""
        version = self.version if self.versioned else None
        return types.OptionalVersionedTextDocumentIdentifier(uri=self.uri, version=version)

    @cached_property
    def lines(self) -> Lines:
        """The line starts for the editor that sent the document."""
        if self.source is not None and not self.convention.newline_only:
            return self.source.lines
        return self.convention.lines(self.text)

    def offset(self, position: types.Position) -> int | None:
        """The offset of an editor's position; None after the last line."""
        return self.convention.offset(self.lines, position)

    def span(self, range_: types.Range) -> Span | None:
        """The span of an editor's range; None if it is reversed or begins after the text."""
        start = self.offset(range_.start)
        end = self.convention.clamped_offset(self.lines, range_.end)
        return None if start is None or end < start else Span(start, end)

    def range(self, span: Span) -> types.Range:
        """The editor's range of a span."""
        return self.convention.range(self.lines, span)

    def changed(self, change: types.TextDocumentContentChangeEvent, version: int) -> Change:
        """One change, whose range refers to this text, with the document after it."""
        edit = self._edit(change)
        if isinstance(change, types.TextDocumentContentChangeWholeDocument):
            text, source = change.text, _parsed(self, change.text)
        else:
            text, source = _edited(self, edit)
        return Change(self, edit, replace(self, version=version, text=text, source=source))

    def _edit(self, change: types.TextDocumentContentChangeEvent) -> Edit:
        """The edit of this text that a change makes, in code points."""
        if isinstance(change, types.TextDocumentContentChangeWholeDocument):
            return Edit(Span(0, len(self.text)), change.text)
        bounds = (change.range.start, change.range.end)
        start, end = sorted(self.convention.clamped_offset(self.lines, place) for place in bounds)
        return Edit(Span(start, end), change.text)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a document: `edit` turned `before` into `after`."""

    before: Document
    edit: Edit
    after: Document


@dataclass
class Documents:
    """The newest version of each open document, by the key of its URI."""

    convention: Convention = field(default_factory=Convention)
    _by_key: Mapping[str, Document] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def now(self) -> Mapping[str, Document]:
        """Every open document as it is now; later changes do not affect this mapping."""
        return self._by_key

    def get(self, uri: str) -> Document | None:
        """The newest version of a document; None if it is not open."""
        return self._by_key.get(key_of(uri))

    def is_current(self, document: Document) -> bool:
        """Whether the document is open and unchanged."""
        newest = self.get(document.uri)
        if newest is None or newest.version != document.version:
            return False
        # It may have been closed and opened again.
        return newest.text == document.text

    def open(self, item: types.TextDocumentItem) -> Document:
        """Add a document that the editor opened."""
        empty = Document(item.uri, item.version, "", None, self.convention, item.language_id)
        if item.version == NO_VERSION:
            empty = replace(empty, version=0, versioned=False)
        document = replace(empty, text=item.text, source=_parsed(empty, item.text))
        self._put(document)
        return document

    def change(
        self,
        identifier: types.VersionedTextDocumentIdentifier,
        changes: Sequence[types.TextDocumentContentChangeEvent],
    ) -> tuple[Change, ...]:
        """Apply changes in order; returns each change.

        A document that is not open stays unknown, unless a change has its full text.
        """
        document = self.get(identifier.uri)
        if document is None:
            document = Document(identifier.uri, 0, "", None, self.convention)
            changes = _from_the_whole(changes)
            if not changes:
                return ()
        version = identifier.version
        if version <= document.version:
            # The editor does not count versions, so dgls does.
            document, version = replace(document, versioned=False), document.version + 1
        done = []
        for change in changes:
            done.append(document.changed(change, version))
            document = done[-1].after
        self._put(document if done else replace(document, version=version))
        return tuple(done)

    def close(self, uri: str) -> None:
        """Remove a document."""
        key = key_of(uri)
        self._by_key = MappingProxyType({k: v for k, v in self._by_key.items() if k != key})

    def _put(self, document: Document) -> None:
        self._by_key = MappingProxyType({**self._by_key, key_of(document.uri): document})


def _from_the_whole(
    changes: Sequence[types.TextDocumentContentChangeEvent],
) -> Sequence[types.TextDocumentContentChangeEvent]:
    """The changes from the first one with a full text; empty if all are partial."""
    whole = types.TextDocumentContentChangeWholeDocument
    parts = itertools.takewhile(lambda change: not isinstance(change, whole), changes)
    return changes[len(list(parts)) :]


def _parsed(document: Document, text: str) -> Source | None:
    try:
        language = language_of_document(document.path, document.language_id)
        return Source.parse(text, language)
    except (LanguageError, UnicodeEncodeError):
        return None


def _edited(document: Document, edit: Edit) -> tuple[str, Source | None]:
    """The text after an edit, and its source, which shares the string."""
    if document.source is not None:
        try:
            source = document.source.edited([edit])
        except UnicodeEncodeError:
            return apply_edits(document.text, [edit]), None
        return source.text, source
    text = apply_edits(document.text, [edit])
    return text, _parsed(document, text)
