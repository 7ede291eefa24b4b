"""`textDocument/inlineCompletion`: the suggestion at the cursor, if the model is sure enough."""

from __future__ import annotations

from lsprotocol import types

from dgls.errors import DglsError
from dgls.lsp.context import Feature, RequestContext
from dgls.lsp.documents import Document
from dgls.lsp.offers import Offer, Place
from dgls.lsp.suggest import METHOD, suggest
from dgls.policy.silence_reasons import Silence
from dgls.text.spans import Edit, Span

Items = list[types.InlineCompletionItem]


async def inline_completion(
    context: RequestContext, params: types.InlineCompletionParams
) -> Items | None:
    """The suggestions at the cursor; null if there are none, or the request was superseded."""
    nothing: Items | None = [] if context.client.quirks.keeps_after_null else None
    document = context.document(params.text_document.uri)
    place = place_of(document, params) if document is not None else None
    if place is None:
        return nothing
    automatic = params.context.trigger_kind == types.InlineCompletionTriggerKind.Automatic
    try:
        found = await suggest(context, place, automatic=automatic)
    except DglsError as error:
        # `SharedModel.fill` has reported the failure of an automatic request, once.
        if not automatic:
            context.model.tell(error)
        return nothing
    if isinstance(found, Offer):
        return items_of(found)
    return nothing if isinstance(found, Silence) else None


# Without options pygls does not register the method.
FEATURE = Feature(METHOD, inline_completion, types.InlineCompletionOptions())


def items_of(offer: Offer) -> Items:
    """The offer's texts as items, with a range on one line as the protocol requires."""
    range_ = offer.document.range(offer.replaced)
    return [
        types.InlineCompletionItem(insert_text=offer.lead + text, range=range_)
        for text in offer.texts
    ]


def place_of(document: Document, params: types.InlineCompletionParams) -> Place | None:
    """Where to suggest; None for an invalid position or a document without a grammar.

    Also None if the menu's text has a lone surrogate, which no grammar reads.
    """
    source, cursor = document.source, document.offset(params.position)
    if source is None or cursor is None:
        return None
    selected = params.context.selected_completion_info
    if selected is None:
        return Place(document, source, cursor, Span(cursor, cursor))
    replaced = document.span(selected.range)
    on_one_line = selected.range.start.line == selected.range.end.line == params.position.line
    if replaced is None or not on_one_line or not replaced.start <= cursor <= replaced.end:
        return None
    try:
        completed = source.edited([Edit(replaced, selected.text)])
    except UnicodeEncodeError:
        return None
    cursor = replaced.start + len(selected.text)
    return Place(document, completed, cursor, replaced, selected.text)
