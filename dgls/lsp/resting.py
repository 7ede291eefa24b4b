"""A cursor that rests at a new place: its line is filled ahead, because nothing is read yet there.

A fill after a jump reads the text around the cursor first, which takes a laptop model a second and
more; the next one is quick. No request of the protocol tells where the cursor is. VS Code asks for
code actions wherever it rests, and says that nobody pressed a key for them.
"""

from __future__ import annotations

from lsprotocol import types

from dgls.lsp.context import RequestContext
from dgls.lsp.documents import Document
from dgls.policy.ask import Moment, why_not_ask
from dgls.protocol import Trigger
from dgls.requests.builder import Task
from dgls.sound.site import Purpose

REST_S = 0.5
"""So long after the request the cursor must still be where it was."""

WRITING_S = 120.0
"""A document that was not changed for longer is read by its user, not written."""


def fill_where_it_rests(
    context: RequestContext, document: Document, params: types.CodeActionParams
) -> None:
    """Fill what typing would ask for at the cursor, unless the user does something else first.

    Nothing where the user asked for the actions, has selected a text, does not write in this
    document, or reads a suggestion; nothing either where dgls has to be silent.
    """
    stores, settings = context.stores, context.rules.settings_for(document)
    typist = stores.typists.of(document.uri)
    is_automatic = params.context.trigger_kind is types.CodeActionTriggerKind.Automatic
    cursor = document.offset(params.range.start)
    if not is_automatic or params.range.start != params.range.end or cursor is None:
        return
    if not settings.typing.prefetch or document.source is None or typist.shown is not None:
        return
    if typist.still_s > WRITING_S or context.rules.why_silent(document, unasked=True) is not None:
        return
    task = Task.at_cursor(document.source, cursor, settings.fill, Purpose.TYPED)
    if why_not_ask(Moment(task.context.line_head, task.context.line_tail)) is not None:
        return
    method = types.TEXT_DOCUMENT_INLINE_COMPLETION
    request = context.request(document, task, method, Trigger.AUTOMATIC)
    context.fills.fill_ahead(
        request,
        context.model.fill,
        lambda: stores.documents.is_current(document),
        after_s=REST_S,
    )
