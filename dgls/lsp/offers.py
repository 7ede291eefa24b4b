"""Offers at a place of a document, and the text that is on the screen there already."""

from __future__ import annotations

from dataclasses import dataclass

from dgls.lsp.context import Stores
from dgls.lsp.documents import Document
from dgls.lsp.typist import Left, Shown
from dgls.policy.show import may_replace
from dgls.syntax.source import Source
from dgls.text.spans import Span


@dataclass(frozen=True, slots=True)
class Place:
    """Where a suggestion goes: it replaces `replaced` of the document by `lead` and its text.

    `source` is the document with `lead` inserted, and `cursor` the place after it. Only a
    completion that is selected in the editor's menu has a `lead`; otherwise `replaced` is empty.
    """

    document: Document
    source: Source
    cursor: int
    replaced: Span
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """Texts, best first, that may replace `replaced` of a version of a document."""

    document: Document
    replaced: Span
    texts: tuple[str, ...]
    lead: str = ""


def offered(stores: Stores, place: Place, texts: tuple[str, ...]) -> Offer | None:
    """The texts for the newest version of the document; None if none fits it."""
    newest = stores.documents.get(place.document.uri)
    if newest is None:
        return None
    if stores.documents.is_current(place.document):
        return Offer(newest, place.replaced, texts, place.lead)
    if place.lead:
        return None
    moved = [Shown(place.document, place.cursor, text, 0.0).left_in(newest) for text in texts]
    kept = [left for left in moved if left is not None]
    if not kept:
        return None
    span = Span(kept[0].cursor, kept[0].cursor)
    return Offer(newest, span, tuple(left.text for left in kept if left.cursor == span.start))


def still_shown(stores: Stores, place: Place, *, explicit_only: bool = False) -> Offer | None:
    """The rest of the text on the screen, if the user has only typed along it.

    With `explicit_only`, only a text from an explicit request, which stays when automatic ones are
    off.
    """
    if place.lead:
        return None
    for shown in stores.typists.of(place.document.uri).on_screen:
        left = shown.left_in(place.document)
        wanted = shown.is_explicit or not explicit_only
        if wanted and left is not None and left.cursor == place.cursor:
            return Offer(place.document, Span(left.cursor, left.cursor), (left.text,))
    return None


def kept_on_screen(
    older: Shown | None, newest: Document, left: Left, confidence: float
) -> Offer | None:
    """The text on the screen, if the new one may not replace it."""
    other = None if older is None else older.left_in(newest)
    if older is None or other is None or other.cursor != left.cursor:
        return None
    if may_replace(other.text, older.confidence, left.text, confidence):
        return None
    return Offer(newest, Span(other.cursor, other.cursor), (other.text,))
