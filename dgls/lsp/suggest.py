"""What is suggested at a place of a document: the typing loop's one way from a request to texts.

The rules are those of `dgls.policy`; here they meet the document, its user and the model.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from lsprotocol import types

from dgls.config import Settings
from dgls.errors import Stopped
from dgls.lsp.documents import Document
from dgls.lsp.requests import budget_of, fill_request
from dgls.lsp.server import DglsServer
from dgls.lsp.status import Status
from dgls.lsp.typist import Left, Shown
from dgls.policy.ask import Moment, lines_wanted, next_gap, why_not_ask
from dgls.policy.rhythm import delay_ms
from dgls.policy.show import REFUSED, may_replace, shown_text
from dgls.policy.silence import Silence
from dgls.protocol import Fill, FillRequest, Gap, Trigger
from dgls.sound.alike import alike
from dgls.sound.clean import sound
from dgls.sound.site import Asked, Purpose, Site
from dgls.sound.verdict import Sound
from dgls.syntax.cursor import Context, context_at
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span

METHOD = types.TEXT_DOCUMENT_INLINE_COMPLETION

ASKED_LINES = 8
"""Most lines of a suggestion that the user asked for with a key."""

ASKED_CANDIDATES = 4
"""Candidates of such a suggestion, to cycle through."""

EDITOR_DELAY_MS = {"Neovim": 200.0}
"""How long an editor itself waits after a keystroke before it asks."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a suggestion goes: it replaces `replaced` of the document by `lead` and its text.

    `source` is the document with `lead` put in already, and `cursor` the place behind it. Only a
    completion that is selected in the editor's menu has a `lead`; else `replaced` is empty.
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


async def suggest(server: DglsServer, place: Place, *, unasked: bool) -> Offer | Silence | None:
    """What to show at a place, or why nothing is; None where nobody waits for it any more.

    What was made for an older version is moved along if the user has only typed what it suggests.
    Raises `DglsError` where the model fails.
    """
    status = await server.model()
    reason = server.why_silent(place.document, unasked=unasked)
    if reason is not None:
        server.fills.stop_ahead()
        server.indicator.off(reason)
        return still_shown(server, place, asked=True) or reason
    server.indicator.on()
    try:
        if unasked:
            found = await _unasked(server, status, place)
            if found is not None:
                server.indicator.quiet(found if isinstance(found, Silence) else None)
            return found
        return await _asked(server, status, place)
    except Stopped:
        return None


async def _asked(server: DglsServer, status: Status, place: Place) -> Offer | Silence | None:
    """The user pressed a key: at once, longer, and several candidates."""
    begun = time.monotonic()
    settings = server.settings_for(place.document)
    context = _context(place, settings)
    lines = 1 if context.line_tail.strip() else max(ASKED_LINES, settings.fill.max_lines)
    request = _request(server, place, context, lines, Trigger.EXPLICIT)
    reply = await server.fills.get(request, status.fill_insistently)
    server.indicator.filled(server.fills.p50_ms)
    site = _site(place, Purpose.EXPLICIT, lines)
    found = [(sound(site, fill.texts[0]), fill.confidence) for fill in reply.candidates]
    sure = _distinct(found)
    if not sure:
        reasons = (REFUSED.get(each.refusal) for each, _ in found if each.refusal is not None)
        return next(filter(None, reasons), Silence.EMPTY)
    offer = _offered(server, place, tuple(sure))
    if offer is not None and not place.lead:
        waited_ms = 1000 * (time.monotonic() - begun)
        _note_asked(server, place, sure, waited_ms)
    return offer


def _distinct(found: Sequence[tuple[Sound, float]]) -> dict[str, float]:
    """The confidence of each sound text, best first; of those alike the first."""
    kept: dict[str, tuple[str, float]] = {}
    for each, confidence in found:
        if each.shown:
            kept.setdefault(alike(each.text), (each.text, confidence))
    return dict(kept.values())


async def _unasked(server: DglsServer, status: Status, place: Place) -> Offer | Silence | None:
    """The user types: what is shown stays, a pause is waited for, and doubt is silence."""
    begun = time.monotonic()
    typist = server.typists.of(place.document.uri)
    settings = server.settings_for(place.document)
    typist.under(settings.show)
    if (still := still_shown(server, place)) is not None:
        return still
    context = _context(place, settings)
    moment = Moment(context.line_head, context.line_tail, typist.deleted_shown)
    if (reason := why_not_ask(moment)) is not None:
        return reason
    request = _typed_request(server, place, context, settings)
    if not server.fills.known(request):
        await status.ready()
        # What the model was trained on is known once it is loaded.
        if (reason := server.why_silent(place.document, unasked=True)) is not None:
            server.indicator.off(reason)
            return reason
        if not await typist.pause(_wait_ms(server, place.document, settings)):
            return None
    if not server.documents.is_current(place.document):
        return None
    reply = await server.fills.get(request, status.fill)
    server.indicator.filled(server.fills.p50_ms)
    lines = request.gaps[0].max_lines
    threshold = settings.show.threshold or reply.threshold
    found = _best(_site(place, Purpose.TYPED, lines), reply.candidates, threshold)
    if isinstance(found, Silence):
        return found
    waited_ms = 1000 * (time.monotonic() - begun)
    shown = Shown(place.document, place.cursor, found.text, found.confidence, waited_ms)
    if place.lead:
        return _offered(server, place, (found.text,))
    return _put_on_screen(server, status, place, shown)


def _note_asked(server: DglsServer, place: Place, sure: dict[str, float], waited_ms: float) -> None:
    """Note what was asked for as shown, so that its rest stays while the user types along it."""
    first, *others = [
        Shown(place.document, place.cursor, text, confidence, waited_ms, asked=True)
        for text, confidence in sure.items()
    ]
    server.typists.of(place.document.uri).show(first, *others)
    server.counts.shown(first)


def still_shown(server: DglsServer, place: Place, *, asked: bool = False) -> Offer | None:
    """What is left of the text on the screen, where the user has only typed along it.

    With `asked` only of one that the user asked for: that one stays where all others are off.
    """
    if place.lead:
        return None
    for shown in server.typists.of(place.document.uri).on_screen:
        left = shown.left_in(place.document)
        wanted = shown.asked or not asked
        if wanted and left is not None and left.cursor == place.cursor:
            return Offer(place.document, Span(left.cursor, left.cursor), (left.text,))
    return None


def _put_on_screen(
    server: DglsServer, status: Status, place: Place, shown: Shown
) -> Offer | Silence | None:
    """Show a text and fill ahead, unless the screen has one that is as good."""
    typist, newest = server.typists.of(place.document.uri), server.documents.get(shown.document.uri)
    left = None if newest is None else shown.left_in(newest)
    if newest is None or left is None:
        return None
    if typist.was_rejected(shown):
        return Silence.DELETED
    kept = _kept_on_screen(typist.shown, newest, left, shown.confidence)
    if kept is not None:
        return kept
    typist.show(shown)
    server.counts.shown(shown)
    _fill_ahead(server, status, shown)
    return Offer(newest, Span(left.cursor, left.cursor), (left.text,))


def _kept_on_screen(
    older: Shown | None, newest: Document, left: Left, confidence: float
) -> Offer | None:
    """The text that is on the screen, where the new one may not take its place."""
    other = None if older is None else older.left_in(newest)
    if older is None or other is None or other.cursor != left.cursor:
        return None
    if may_replace(other.text, older.confidence, left.text, confidence):
        return None
    return Offer(newest, Span(other.cursor, other.cursor), (other.text,))


def _fill_ahead(server: DglsServer, status: Status, shown: Shown) -> None:
    """Fill the gap that comes next if the user accepts what is shown."""
    document = shown.document
    settings = server.settings_for(document)
    if not settings.typing.prefetch or document.source is None:
        return
    text = document.text
    head = text[: shown.cursor].rpartition("\n")[2]
    tail = text[shown.cursor :].partition("\n")[0]
    opener = document.source.language.block_opener
    added = shown.text + next_gap(head + shown.text, tail, text[: shown.cursor], opener)
    source = document.source.edited([Edit(Span(shown.cursor, shown.cursor), added)])
    cursor = shown.cursor + len(added)
    place = Place(document, source, cursor, Span(cursor, cursor))
    request = _typed_request(server, place, _context(place, settings), settings)

    def is_wanted() -> bool:
        newest = server.documents.get(document.uri)
        on_screen = server.typists.of(document.uri).shown is shown
        return on_screen and newest is not None and shown.left_in(newest) is not None

    server.fills.fill_ahead(request, status.fill, is_wanted)


def _offered(server: DglsServer, place: Place, texts: tuple[str, ...]) -> Offer | None:
    """The texts for the newest version of the document; None where none fits it."""
    newest = server.documents.get(place.document.uri)
    if newest is None:
        return None
    if newest.version == place.document.version:
        return Offer(newest, place.replaced, texts, place.lead)
    if place.lead:
        return None
    moved = [Shown(place.document, place.cursor, text, 0.0).left_in(newest) for text in texts]
    kept = [left for left in moved if left is not None]
    if not kept:
        return None
    span = Span(kept[0].cursor, kept[0].cursor)
    return Offer(newest, span, tuple(left.text for left in kept if left.cursor == span.start))


@dataclass(frozen=True, slots=True)
class _Best:
    text: str
    confidence: float


def _best(site: Site, candidates: Sequence[Fill], threshold: float) -> _Best | Silence:
    """The first candidate that is worth showing unasked, or why none is."""
    reason: Silence | None = None
    for fill in candidates:
        text = shown_text(fill.texts[0], site, confidence=fill.confidence, threshold=threshold)
        if isinstance(text, str):
            return _Best(text, fill.confidence)
        reason = reason or text
    return reason or Silence.EMPTY


def _site(place: Place, purpose: Purpose, lines: int) -> Site:
    """The gap at the cursor."""
    gap = Span(place.cursor, place.cursor)
    return Site.of(place.source, gap, Asked(purpose, lines))


def _context(place: Place, settings: Settings) -> Context:
    return context_at(place.source, [Span(place.cursor, place.cursor)], budget_of(settings))


def _typed_request(
    server: DglsServer, place: Place, context: Context, settings: Settings
) -> FillRequest:
    """The request for a suggestion while typing."""
    opener = place.source.language.block_opener
    most = settings.fill.max_lines
    lines = lines_wanted(context.parts[0], context.line_tail, opener, most)
    return _request(server, place, context, lines, Trigger.AUTOMATIC)


def _request(
    server: DglsServer, place: Place, context: Context, lines: int, trigger: Trigger
) -> FillRequest:
    gap = Gap(max_lines=lines)
    least = ASKED_CANDIDATES if trigger is Trigger.EXPLICIT else 1
    return fill_request(
        server, place.document, context, gap, METHOD, trigger, least_candidates=least
    )


def _wait_ms(server: DglsServer, document: Document, settings: Settings) -> float:
    """How long after the last keystroke to ask, less what the editor has waited itself."""
    typing, rhythm = settings.typing, server.typists.of(document.uri).rhythm
    wait = delay_ms(
        rhythm, server.fills.p50_ms or 0.0, typing.shortest_delay_ms, typing.longest_delay_ms
    )
    return wait - EDITOR_DELAY_MS.get(server.client_name, 0.0)
