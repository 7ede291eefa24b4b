"""The open documents: one immutable snapshot per version, with its incremental syntax tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from lsprotocol import types

from dgls.errors import LanguageError
from dgls.lsp.convert import Convention, path_of
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text import Edit, Lines, Span, apply_edits


@dataclass(frozen=True)
class Document:
    """One version of an open document.

    `source` is None where dgls has nothing to say: no grammar for the language, or text that is
    not Unicode (half a surrogate pair).
    """

    uri: str
    version: int
    text: str
    source: Source | None
    convention: Convention
    language_id: str = ""

    @property
    def path(self) -> str:
        """The file path, or what stands for it in the URI of an unsaved document."""
        return path_of(self.uri)

    @cached_property
    def lines(self) -> Lines:
        """Where the lines begin for the editor that sent the document."""
        return self.convention.lines(self.text)

    def offset(self, position: types.Position) -> int | None:
        """The offset of an editor's position; None behind the last line."""
        return self.convention.offset(self.lines, position)

    def span(self, range_: types.Range) -> Span | None:
        """The span of an editor's range; None where it is reversed or begins behind the text."""
        start = self.offset(range_.start)
        end = self.convention.clamped_offset(self.lines, range_.end)
        return None if start is None or end < start else Span(start, end)

    def range(self, span: Span) -> types.Range:
        """The editor's range of a span."""
        return self.convention.range(self.lines, span)

    def changed(self, change: types.TextDocumentContentChangeEvent) -> Document:
        """The document after one change, whose range refers to this text."""
        if isinstance(change, types.TextDocumentContentChangeWholeDocument):
            return replace(self, text=change.text, source=_parsed(self, change.text))
        edit = self.edit(change)
        text = apply_edits(self.text, [edit])
        return replace(self, text=text, source=_edited(self, edit, text))

    def edit(self, change: types.TextDocumentContentChangeEvent) -> Edit:
        """What a change does to this text, in code points."""
        if isinstance(change, types.TextDocumentContentChangeWholeDocument):
            return Edit(Span(0, len(self.text)), change.text)
        bounds = (change.range.start, change.range.end)
        start, end = sorted(self.convention.clamped_offset(self.lines, place) for place in bounds)
        return Edit(Span(start, end), change.text)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a document: `edit` made `after` of `before`."""

    before: Document
    edit: Edit
    after: Document


@dataclass
class Documents:
    """The newest version of each open document, by URI."""

    convention: Convention = field(default_factory=Convention)
    _by_uri: Mapping[str, Document] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def now(self) -> Mapping[str, Document]:
        """Every open document as it is now; a later change does not reach this mapping."""
        return self._by_uri

    def get(self, uri: str) -> Document | None:
        """The newest version of a document, None where it is not open."""
        return self._by_uri.get(uri)

    def is_current(self, document: Document) -> bool:
        """Whether the document is open and nothing was changed since."""
        newest = self.get(document.uri)
        return newest is not None and newest.version == document.version

    def open(self, item: types.TextDocumentItem) -> Document:
        """Take in a document that the editor opened."""
        empty = Document(item.uri, item.version, "", None, self.convention, item.language_id)
        document = replace(empty, text=item.text, source=_parsed(empty, item.text))
        self._put(document)
        return document

    def change(
        self,
        identifier: types.VersionedTextDocumentIdentifier,
        changes: Sequence[types.TextDocumentContentChangeEvent],
    ) -> tuple[Change, ...]:
        """Apply changes in order; what each did. A document that is not open stays unknown."""
        document = self._by_uri.get(identifier.uri)
        if document is None:
            return ()
        done = []
        for change in changes:
            before, document = document, document.changed(change)
            done.append(Change(before, before.edit(change), document))
        self._put(replace(document, version=identifier.version))
        return tuple(done)

    def close(self, uri: str) -> None:
        """Forget a document."""
        self._by_uri = MappingProxyType({k: v for k, v in self._by_uri.items() if k != uri})

    def _put(self, document: Document) -> None:
        self._by_uri = MappingProxyType({**self._by_uri, document.uri: document})


def _parsed(document: Document, text: str) -> Source | None:
    try:
        language = language_of(document.path, document.language_id or None)
        return Source.parse(text, language)
    except (LanguageError, UnicodeEncodeError):
        return None


def _edited(document: Document, edit: Edit, text: str) -> Source | None:
    if document.source is None:
        return _parsed(document, text)
    try:
        return document.source.edited([edit])
    except UnicodeEncodeError:
        return None
