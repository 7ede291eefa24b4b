"""The other places of a recent edit, as one code action and as next edits.

`textDocument/copilotInlineEdit` is the request of editors' plugins for next edits; its parameters
are a versioned document and a position, its result is `{"edits": [...]}`. Everything here reads the
editor's document, and gives edits for only that version.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from dgls.edits.state import Offer, State
from dgls.errors import InputError
from dgls.lsp.context import Command, Feature, RequestContext
from dgls.lsp.convert import field_of, key_of, place_of
from dgls.lsp.documents import Document
from dgls.text.spans import Edit

KIND = "refactor.rewrite.dgls.edits"
METHOD = "textDocument/copilotInlineEdit"
SHOWN = "textDocument/didShowInlineEdit"
ACCEPT = "dgls.nextEdit.accepted"


async def actions(
    context: RequestContext, document: Document, range_: types.Range
) -> list[types.CodeAction]:
    """One action for all places, if there are any. Its edit is made when it is resolved."""
    offers = await offers_for(context, document)
    if not offers:
        return []
    start = document.offset(range_.start) or 0
    data = {"kind": KIND, "uri": document.uri, "version": document.version, "span": [start, start]}
    return [types.CodeAction(title=title_of(offers), kind=KIND, data=data)]


def title_of(offers: tuple[Offer, ...]) -> str:
    """The action's effect and its reason."""
    places = "the other place" if len(offers) == 1 else f"the {len(offers)} other places"
    reasons = list(dict.fromkeys(offer.why for offer in offers))
    more = f", and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return f"Apply the change to {places} ({reasons[0]}{more})"


async def edit_of(context: RequestContext, document: Document) -> types.WorkspaceEdit:
    """The edit of all places. Raises `InputError` if none is left."""
    offers = await offers_for(context, document)
    if not offers:
        raise InputError("There is no other place left to change; the document was left as it is.")
    by_path: dict[str, list[Offer]] = {}
    for offer in offers:
        by_path.setdefault(offer.path, []).append(offer)
    return types.WorkspaceEdit(
        document_changes=[
            _document_edit(context.arrived[path] if path else document, own)
            for path, own in by_path.items()
        ]
    )


async def offers_for(context: RequestContext, document: Document) -> tuple[Offer, ...]:
    """The offers after a document's recent edits; empty if dgls has to be silent.

    The path of an offer in another document is that document's key. An offer in a document that was
    changed while the offers were computed is left out.
    """
    source, documents = document.source, context.stores.documents
    hunks = context.stores.typists.of(document.uri).hunks
    newest = documents.is_current(document)
    if source is None or not newest or not hunks or not _may_edit(context, document):
        return ()
    others = {
        key: other.source
        for key, other in _others(context, document).items()
        if other.source is not None and other.source.language is source.language
    }
    state = State(source, hunks, others, document.path)
    offers = await context.stores.ripples.offers(state, lambda: documents.is_current(document))
    if not documents.is_current(document):
        return ()
    return tuple(
        offer
        for offer in offers
        if not offer.path or documents.is_current(context.arrived[offer.path])
    )


async def next_edits(context: RequestContext, params: Any) -> dict[str, Any]:
    """The places as edits, the nearest to the cursor first; those of other files come last.

    A place whose change the user has undone is left to the code action.
    """
    identifier, place = field_of(params, "textDocument"), place_of(field_of(params, "position"))
    uri, version = field_of(identifier, "uri"), field_of(identifier, "version")
    if not isinstance(uri, str) or place is None:
        raise JsonRpcInvalidParams(f"{METHOD} needs a textDocument and a position.")
    document = context.document(uri)
    if document is None or (version is not None and version != document.version):
        return {"edits": []}
    if context.rules.why_silent(document, automatic=True) is not None:
        return {"edits": []}
    cursor = document.offset(place) or 0
    offers = sorted(
        await offers_for(context, document),
        key=lambda offer: (bool(offer.path), abs(offer.span.start - cursor)),
    )
    places = [(context.arrived[each.path] if each.path else document, each) for each in offers]
    wanted = [place for place in places if not _was_undone(context, *place)]
    return {"edits": [_next_edit(*place) for place in wanted]}


async def shown(context: RequestContext, params: Any) -> None:
    """Accepted from editors that report what they show; nothing is stored."""


async def accepted(context: RequestContext, *arguments: object) -> None:
    """Accepted from editors that report acceptances; the next state follows from the text."""


FEATURES = (Feature(METHOD, next_edits), Feature(SHOWN, shown))
ACCEPTED = Command(ACCEPT, accepted)


def _next_edit(document: Document, offer: Offer) -> dict[str, Any]:
    range_ = document.range(offer.span)
    places = {
        name: {"line": place.line, "character": place.character}
        for name, place in (("start", range_.start), ("end", range_.end))
    }
    return {
        "text": offer.text,
        "range": places,
        "textDocument": {"uri": document.uri, "version": document.version},
        "command": {"title": offer.why, "command": ACCEPT, "arguments": [offer.rule]},
    }


def _was_undone(context: RequestContext, document: Document, offer: Offer) -> bool:
    typist = context.stores.typists.of(document.uri)
    return typist.took_back(document.text, Edit(offer.span, offer.text))


def _document_edit(document: Document, offers: list[Offer]) -> types.TextDocumentEdit:
    edits: list[types.TextEdit | types.AnnotatedTextEdit | types.SnippetTextEdit] = [
        types.TextEdit(range=document.range(offer.span), new_text=offer.text) for offer in offers
    ]
    return types.TextDocumentEdit(document.identifier, edits=edits)


def _others(context: RequestContext, document: Document) -> Mapping[str, Document]:
    """The other open documents that may be edited and have not changed since the request."""
    return {
        key: other
        for key, other in context.arrived.items()
        if key != key_of(document.uri)
        and context.stores.documents.is_current(other)
        and _may_edit(context, other)
    }


def _may_edit(context: RequestContext, document: Document) -> bool:
    """Whether the settings and the privacy rules allow it and the file is not read-only."""
    if not context.rules.settings_for(document).edits.enabled:
        return False
    if context.rules.why_silent(document, automatic=False) is not None:
        return False
    path = Path(document.path)
    return not path.is_file() or os.access(path, os.W_OK)
