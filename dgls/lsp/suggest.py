"""Suggestions at a place of a document: the path from a request to texts.

The rules are those of `dgls.policy`; here they meet the document, its user and the model.
"""

from __future__ import annotations

import asyncio
import functools
import time
from dataclasses import dataclass

from lsprotocol import types

from dgls.config import Settings
from dgls.errors import Stopped
from dgls.lsp.context import RequestContext, Stores
from dgls.lsp.documents import Document
from dgls.lsp.offers import Offer, Place, kept_on_screen, offered, still_shown
from dgls.lsp.typist import Shown
from dgls.policy.ask import Moment, next_gap, why_not_ask
from dgls.policy.rhythm import delay_ms
from dgls.policy.show import shown_text, shown_when_explicit
from dgls.policy.silence_reasons import Silence
from dgls.protocol import FillReply, FillRequest, Trigger
from dgls.requests.builder import Task
from dgls.sound.site import Purpose, Site
from dgls.text.lines import line_end_of, with_line_ends
from dgls.text.spans import Edit, Span

METHOD = types.TEXT_DOCUMENT_INLINE_COMPLETION


async def suggest(
    context: RequestContext, place: Place, *, automatic: bool
) -> Offer | Silence | None:
    """What to show at a place, or why nothing is; None if the request was superseded.

    A reply for an older version is rebased if the user has only typed its beginning. Raises
    `DglsError` if the model fails.
    """
    reason = context.rules.why_silent(place.document, automatic=automatic)
    if reason is not None:
        context.fills.stop_ahead()
        context.indicator.off(reason)
        return still_shown(context.stores, place, explicit_only=True) or reason
    context.indicator.on()
    try:
        if not automatic:
            return await _explicit(context, place)
        found = await _automatic(context, place)
    except Stopped:
        return None
    if found is not None:
        context.indicator.quiet(found if isinstance(found, Silence) else None)
    return found


async def _explicit(context: RequestContext, place: Place) -> Offer | Silence | None:
    """An explicit request: no wait for a pause, more time, and several candidates."""
    begun = time.monotonic()
    settings = context.rules.settings_for(place.document)
    task = Task.at_cursor(place.source, place.cursor, settings.fill, Purpose.EXPLICIT)
    request = context.request(place.document, task, METHOD)
    fill = functools.partial(context.asked.fill, context.explicit_model())
    reply = await context.fills.get(request, fill)
    context.indicator.filled(context.fills.p50_ms)
    sure = shown_when_explicit(task.site, reply.candidates)
    if isinstance(sure, Silence):
        return sure
    offer = offered(context.stores, place, tuple(sure))
    if offer is not None and not place.lead:
        waited_ms = 1000 * (time.monotonic() - begun)
        _note_explicit(context.stores, place, sure, waited_ms)
    return offer


def _note_explicit(stores: Stores, place: Place, sure: dict[str, float], waited_ms: float) -> None:
    """Note the texts as shown, so that the rest of one stays while the user types along it."""
    first, *others = [
        Shown(place.document, place.cursor, text, confidence, waited_ms, is_explicit=True)
        for text, confidence in sure.items()
    ]
    stores.typists.of(place.document.uri).show(first, *others)
    stores.counts.shown(first)


async def _automatic(context: RequestContext, place: Place) -> Offer | Silence | None:
    """An automatic request: keep what is shown, wait for a pause, and stay silent in doubt."""
    begun = time.monotonic()
    typist = context.stores.typists.of(place.document.uri)
    settings = context.rules.settings_for(place.document)
    typist.under(settings.show)
    if (still := still_shown(context.stores, place)) is not None:
        return still
    task = Task.at_cursor(place.source, place.cursor, settings.fill, Purpose.AUTOMATIC)
    moment = Moment(task.context.line_head, task.context.line_tail, typist.deleted_shown)
    if (reason := why_not_ask(moment)) is not None:
        return reason
    request = context.request(place.document, task, METHOD, Trigger.AUTOMATIC)
    if not context.fills.known(request):
        waited = await _wait(context, place.document, settings, moment)
        if isinstance(waited, Silence):
            return waited
        if not waited:
            return None
    if not context.stores.documents.is_current(place.document):
        return None
    try:
        reply = await context.fills.get(request, context.model.fill)
    except (asyncio.CancelledError, Stopped):
        context.indicator.broken_off(context.fills.p50_ms)
        raise
    context.indicator.filled(context.fills.p50_ms)
    threshold = settings.show.threshold or reply.threshold
    found = _best(task.site, reply, threshold)
    if isinstance(found, Silence):
        return found
    waited_ms = 1000 * (time.monotonic() - begun)
    shown = Shown(place.document, place.cursor, found.text, found.confidence, waited_ms)
    if place.lead:
        return offered(context.stores, place, (found.text,))
    return _put_on_screen(context, shown)


async def _wait(
    context: RequestContext, document: Document, settings: Settings, moment: Moment
) -> Silence | bool:
    """Wait for the model and for a pause: whether to ask then, or why dgls is silent here."""
    await context.model.ready()
    # The languages of the model's training are known once it is loaded.
    if (reason := context.rules.why_silent(document, automatic=True)) is not None:
        context.indicator.off(reason)
        return reason
    typist = context.stores.typists.of(document.uri)
    typing = settings.typing
    wait_ms = delay_ms(
        typist.rhythm,
        in_word=moment.in_word,
        shortest_ms=typing.shortest_delay_ms,
        longest_ms=typing.longest_delay_ms,
    )
    return await typist.pause(wait_ms - context.client.quirks.delay_ms)


def _put_on_screen(context: RequestContext, shown: Shown) -> Offer | Silence | None:
    """Show a text and fill ahead, unless the text on the screen is as good."""
    stores = context.stores
    newest = stores.documents.get(shown.document.uri)
    left = None if newest is None else shown.left_in(newest)
    if newest is None or left is None:
        return None
    typist = stores.typists.of(shown.document.uri)
    if typist.was_rejected(shown):
        return Silence.DELETED
    kept = kept_on_screen(typist.shown, newest, left, shown.confidence)
    if kept is not None:
        return kept
    typist.show(shown)
    stores.counts.shown(shown)
    _fill_ahead(context, shown)
    return Offer(newest, Span(left.cursor, left.cursor), (left.text,))


def _fill_ahead(context: RequestContext, shown: Shown) -> None:
    """Fill the gap that comes next if the user accepts the shown text."""
    stores, uri = context.stores, shown.document.uri

    def request() -> FillRequest | None:
        newest = stores.documents.get(uri)
        if newest is None or stores.typists.of(uri).shown is not shown:
            return None
        return _next_request(context, shown) if shown.left_in(newest) is not None else None

    context.fills.fill_ahead(request, context.model.fill)


def _next_request(context: RequestContext, shown: Shown) -> FillRequest | None:
    """The request after a shown text; None if that is not wanted."""
    document, at = shown.document, shown.cursor
    settings = context.rules.settings_for(document)
    if not settings.typing.prefetch or document.source is None:
        return None
    text = document.text
    head, tail = text[:at].rpartition("\n")[2], text[at:].partition("\n")[0]
    opener = document.source.language.block_opener
    added = shown.text + next_gap(head + shown.text, tail, text[:at], opener)
    added = with_line_ends(added, line_end_of(text))
    source = document.source.edited([Edit(Span(at, at), added)])
    task = Task.at_cursor(source, at + len(added), settings.fill, Purpose.AUTOMATIC)
    return context.request(document, task, METHOD, Trigger.AUTOMATIC)


@dataclass(frozen=True, slots=True)
class _Best:
    text: str
    confidence: float


def _best(site: Site, reply: FillReply, threshold: float) -> _Best | Silence:
    """The first candidate that is worth showing unasked, or why none is."""
    reason: Silence | None = None
    for fill in reply.candidates:
        text = shown_text(
            fill.texts[0],
            site,
            confidence=fill.confidence,
            threshold=threshold,
            complete=reply.complete,
        )
        if isinstance(text, str):
            return _Best(text, fill.confidence)
        reason = reason or text
    return reason or Silence.EMPTY
