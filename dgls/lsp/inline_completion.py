"""`textDocument/inlineCompletion`: what stands at the cursor soon, if the model is sure enough."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from lsprotocol import types

from dgls.errors import DglsError, Stopped
from dgls.lsp.documents import Document
from dgls.lsp.requests import budget_of, fill_request
from dgls.lsp.server import DglsServer
from dgls.lsp.status import Status
from dgls.policy.show import shown_text
from dgls.policy.stale import rebase
from dgls.protocol import FillReply, Gap, Trigger
from dgls.syntax.cursor import Context, context_at
from dgls.syntax.source import Source
from dgls.text import Edit, Span, line_end_of, with_line_ends

METHOD = types.TEXT_DOCUMENT_INLINE_COMPLETION

CLEARED_BY_AN_EMPTY_LIST = frozenset({"Neovim"})
"""Editors that keep an older suggestion on the screen when they are answered `null`."""

INVOKED_LINES = 8
"""Most lines of a suggestion that the user asked for with a key."""

Items = list[types.InlineCompletionItem]


def register(server: DglsServer) -> None:
    """Answer `textDocument/inlineCompletion`."""

    async def inline_completion(params: types.InlineCompletionParams) -> Items | None:
        items = await suggestions(server, params)
        if not items and server.client_name not in CLEARED_BY_AN_EMPTY_LIST:
            return None
        return items

    # Without options pygls does not tell the client that the method is there.
    server.feature(METHOD, types.InlineCompletionOptions())(server.guarded(inline_completion))


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
    lead: str

    def item(self, document: Document, replaced: Span, text: str) -> types.InlineCompletionItem:
        """A suggestion for `document`, with a range on one line as the protocol demands."""
        return types.InlineCompletionItem(
            insert_text=self.lead + text, range=document.range(replaced)
        )


async def suggestions(server: DglsServer, params: types.InlineCompletionParams) -> Items | None:
    """What to show at the cursor: nothing where dgls is not sure, None where nobody waits for it.

    What was made for an older version is moved along if the user has only typed what it suggests.
    """
    document = server.document(params.text_document.uri)
    place = place_of(document, params) if document is not None else None
    automatic = params.context.trigger_kind == types.InlineCompletionTriggerKind.Automatic
    if place is None or (automatic and not server.settings.show.automatic):
        return []
    try:
        status = await server.model()
        await status.ready()
        if not server.documents.is_current(place.document):
            return None
        texts = await _texts(server, status, place, automatic)
    except Stopped:
        return None
    except DglsError:
        # The user was told once; a suggestion that does not come needs no second message.
        return []
    return _items(server, place, texts)


def place_of(document: Document, params: types.InlineCompletionParams) -> Place | None:
    """Where to suggest; None where there is no such place or no grammar for the document."""
    source, cursor = document.source, document.offset(params.position)
    if source is None or cursor is None:
        return None
    selected = params.context.selected_completion_info
    if selected is None:
        return Place(document, source, cursor, Span(cursor, cursor), "")
    replaced = document.span(selected.range)
    on_one_line = selected.range.start.line == selected.range.end.line == params.position.line
    if replaced is None or not on_one_line or not replaced.start <= cursor <= replaced.end:
        return None
    completed = source.edited([Edit(replaced, selected.text)])
    cursor = replaced.start + len(selected.text)
    return Place(document, completed, cursor, replaced, selected.text)


async def _texts(server: DglsServer, status: Status, place: Place, automatic: bool) -> list[str]:
    """The texts worth showing at a place, best first. Raises `DglsError`."""
    settings = server.settings
    gap = Span(place.cursor, place.cursor)
    context = context_at(place.source, [gap], budget_of(settings))
    lines = settings.fill.max_lines if automatic else max(INVOKED_LINES, settings.fill.max_lines)
    lines = 1 if context.line_tail.strip() else lines
    trigger = Trigger.AUTOMATIC if automatic else Trigger.EXPLICIT
    request = fill_request(server, place.document, context, Gap(max_lines=lines), METHOD, trigger)
    reply = await status.fill(request)
    threshold = (settings.show.threshold or reply.threshold) if automatic else 0.0
    return _shown(reply, context, lines > 1, threshold)


def _shown(reply: FillReply, context: Context, multiline: bool, threshold: float) -> list[str]:
    """What of each candidate is shown, without the same text twice."""
    shown = [
        shown_text(
            fill.texts[0],
            context.parts[0],
            context.parts[-1],
            multiline=multiline,
            confidence=fill.confidence,
            threshold=threshold,
        )
        for fill in reply.candidates
    ]
    return list(dict.fromkeys(text for text in shown if text))


def _items(server: DglsServer, place: Place, texts: list[str]) -> Items | None:
    """The texts as items for the newest version of the document; None where none fits it."""
    old, newest = place.document, server.documents.get(place.document.uri)
    if newest is None:
        return None
    if newest.version == old.version:
        return [place.item(old, place.replaced, text) for text in texts]
    moved = [_moved(place, text, newest) for text in texts]
    return [item for item in moved if item is not None] or None


def _moved(place: Place, text: str, newest: Document) -> types.InlineCompletionItem | None:
    """The suggestion where the cursor stands now, if only its beginning was typed since."""
    if place.lead:
        return None
    end = line_end_of(place.document.text)
    fill = with_line_ends(text, end)
    left = rebase(place.document.text, place.replaced, fill, newest.text)
    if left is None:
        return None
    grown = len(newest.text) - len(place.document.text)
    typed = newest.text[place.cursor : place.cursor + grown]
    # Closers that the editor put in by itself stand behind the cursor.
    cursor = place.cursor + _common_length(fill, typed)
    return place.item(newest, Span(cursor, cursor), with_line_ends(left, "\n"))


def _common_length(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
