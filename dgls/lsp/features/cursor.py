"""`dgls/cursor`: the editor reports where the cursor rests, and that line is filled ahead.

A fill after a jump first reads the text around the cursor, which takes a laptop model a second or
more; the next one is fast. LSP has no message for the cursor's position. dgls's own extensions for
VS Code and Neovim therefore send this request, with a `textDocument` and a `position`, when the
cursor has rested at a new place for half a second. The answer is null, at once.
"""

from __future__ import annotations

from typing import Any

from dgls.lsp import suggest
from dgls.lsp.context import Feature, RequestContext
from dgls.lsp.convert import field_of, place_of
from dgls.policy.ask import Moment, why_not_ask
from dgls.protocol import Trigger
from dgls.requests.builder import Task
from dgls.sound.site import Purpose

METHOD = "dgls/cursor"

WRITING_S = 120.0
"""A document that was not changed for this many seconds is being read, not written."""


async def rests(context: RequestContext, params: Any) -> None:
    """Fill what typing would ask for at the cursor, unless the user does something else first.

    Does nothing if the user does not write in the document, a suggestion is on the screen, dgls has
    to be silent there, or the position is not valid.
    """
    place = place_of(field_of(params, "position"))
    uri = field_of(field_of(params, "textDocument"), "uri")
    document = context.document(uri) if isinstance(uri, str) else None
    cursor = None if document is None or place is None else document.offset(place)
    if document is None or document.source is None or cursor is None:
        return
    stores, settings = context.stores, context.rules.settings_for(document)
    typist = stores.typists.of(document.uri)
    left = typist.shown and typist.shown.left_in(document)
    if not settings.typing.prefetch or (left is not None and left.cursor == cursor):
        return
    if typist.still_s > WRITING_S or context.rules.why_silent(document, automatic=True) is not None:
        return
    task = Task.at_cursor(document.source, cursor, settings.fill, Purpose.AUTOMATIC)
    if why_not_ask(Moment(task.context.line_head, task.context.line_tail)) is not None:
        return
    request = context.request(document, task, suggest.METHOD, Trigger.AUTOMATIC)
    context.fills.fill_ahead(
        lambda: request if stores.documents.is_current(document) else None, context.model.fill
    )


FEATURE = Feature(METHOD, rests)
