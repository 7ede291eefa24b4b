"""The command `dgls.why`: why the last suggestion, or the one at a place, is shown or not."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from dgls.errors import InputError
from dgls.lsp.context import Command, RequestContext
from dgls.lsp.convert import place_of
from dgls.lsp.documents import Document
from dgls.policy.ask import Moment, why_not_ask
from dgls.policy.describe import describe, in_one_line
from dgls.policy.show import shown_when_explicit
from dgls.policy.silence_reasons import Silence
from dgls.policy.why import Explanation, explained, explained_last
from dgls.protocol import Trigger
from dgls.requests.builder import Task
from dgls.sound.site import Purpose
from dgls.syntax.cursor import Context
from dgls.syntax.languages import language_of

WHY = "dgls.why"

ONE_LINE_CLIENTS = frozenset({"helix"})
"""Editors that show a message on one line, so that it must be short."""


async def why(context: RequestContext, *arguments: object) -> dict[str, Any] | None:
    """Without arguments the last suggestion; with a URI and a position the one there."""
    found = await _at(context, *arguments) if arguments else _last(context)
    message = _message(context, found)
    if found is None or not context.client.shows_explanations:
        context.show(message, types.MessageType.Info)
    return {**found.to_json(), "text": message} if found is not None else None


COMMAND = Command(WHY, why)


def _message(context: RequestContext, found: Explanation | None) -> str:
    """The reason first, because many editors show only the beginning of a message."""
    if context.client.name in ONE_LINE_CLIENTS:
        return "Nothing was asked." if found is None else in_one_line(found)
    told = "Nothing was asked." if found is None else describe(found)
    return f"{told}\ndgls: {context.indicator.report.line}"


def _last(context: RequestContext) -> Explanation | None:
    """The last fill of this session."""
    if context.fills.last is None:
        return None
    request, reply = context.fills.last
    language = language_of(request.path, request.language)
    return explained_last(request, reply, language, context.rules.settings.show.threshold)


async def _at(context: RequestContext, *arguments: object) -> Explanation:
    """What would be suggested at a place during typing and on request; the model is asked both."""
    document, cursor = _place(context, *arguments)
    context.rules.check(document)
    if document.source is None:
        raise InputError("dgls has no grammar for this document; nothing was asked.")
    settings = context.rules.settings_for(document)
    automatic, explicit = (
        Task.at_cursor(document.source, cursor, settings.fill, purpose)
        for purpose in (Purpose.AUTOMATIC, Purpose.EXPLICIT)
    )
    request = context.request(document, automatic, WHY, Trigger.AUTOMATIC)
    reply = await context.model.fill_insistently(request)
    asking = context.request(document, explicit, WHY)
    explicit_reply = await context.explicit_model().fill_insistently(asking)
    found = explained(
        automatic.site,
        request,
        reply,
        threshold=settings.show.threshold,
        silence=_silence(context, document, automatic.context),
    )
    return found.when_asked(shown_when_explicit(explicit.site, explicit_reply.candidates))


def _place(context: RequestContext, *arguments: object) -> tuple[Document, int]:
    """The document and the offset in the arguments. Raises `InputError`."""
    uri, position = (*arguments, None)[:2]
    document = context.document(uri) if isinstance(uri, str) else None
    if (at := place_of(position)) is None:
        raise InputError(f"'{WHY}' takes a URI and a position; nothing was asked.")
    cursor = document.offset(at) if document is not None else None
    if document is None or cursor is None:
        raise InputError("There is no such place in an open document; nothing was asked.")
    return document, cursor


def _silence(context: RequestContext, document: Document, around: Context) -> Silence | None:
    """Why an automatic request would not be made at the place."""
    reason = context.rules.why_silent(document, automatic=True)
    deleted = context.stores.typists.of(document.uri).deleted_shown
    return reason or why_not_ask(Moment(around.line_head, around.line_tail, deleted))
