"""`textDocument/completion`: the same suggestion as one item of the menu.

For editors without inline completion. The list is incomplete, so that the editor asks again, and
the item sorts behind those of the language's own server.
"""

from __future__ import annotations

from lsprotocol import types

from dgls.errors import DglsError
from dgls.lsp.documents import Document
from dgls.lsp.server import DglsServer
from dgls.lsp.suggest import Offer, Place, suggest
from dgls.policy.silence import Silence
from dgls.sound.words import word_at_end
from dgls.text.spans import Span

LAST = "\U0010ffff"
"""Sorts behind every other text."""

_LABEL_CHARS = 60


def register(server: DglsServer) -> None:
    """Answer `textDocument/completion`."""

    async def completion(params: types.CompletionParams) -> types.CompletionList:
        return await completions(server, params)

    server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions())(
        server.guarded(completion)
    )


async def completions(server: DglsServer, params: types.CompletionParams) -> types.CompletionList:
    """The suggestion at the cursor as a list of at most one item."""
    nothing = types.CompletionList(is_incomplete=True, items=[])
    document = server.document(params.text_document.uri)
    cursor = document.offset(params.position) if document is not None else None
    if document is None or document.source is None or cursor is None:
        return nothing
    if not is_wanted(server, document):
        return types.CompletionList(is_incomplete=False, items=[])
    place = Place(document, document.source, cursor, Span(cursor, cursor))
    try:
        found = await suggest(server, place, unasked=True)
    except DglsError:
        return nothing
    if found is None or isinstance(found, Silence):
        return nothing
    return types.CompletionList(is_incomplete=True, items=[item_of(found, _preview(server, found))])


def is_wanted(server: DglsServer, document: Document) -> bool:
    """Whether the menu offers suggestions: by the setting, or where nothing else would."""
    wanted = server.settings_for(document).typing.completion_list
    if wanted != "auto":
        return wanted == "always"
    text_document = server.client_capabilities.text_document
    return text_document is None or text_document.inline_completion is None


def item_of(offer: Offer, preview: str | types.MarkupContent) -> types.CompletionItem:
    """The first text as an item that replaces the word before the cursor.

    An editor filters by that word, so the item begins with it, and the user sees whole words.
    """
    document, cursor = offer.document, offer.replaced.start
    word, text = _word_and_text(offer)
    label = text.strip().partition("\n")[0]
    label = label if len(label) <= _LABEL_CHARS else label[: _LABEL_CHARS - 1] + "…"
    return types.CompletionItem(
        label=label,
        kind=types.CompletionItemKind.Text,
        detail="dgls",
        documentation=preview,
        sort_text=LAST,
        filter_text=text,
        preselect=False,
        text_edit=types.TextEdit(
            range=document.range(Span(cursor - len(word), offer.replaced.end)), new_text=text
        ),
        insert_text_mode=types.InsertTextMode.AsIs,
    )


def _word_and_text(offer: Offer) -> tuple[str, str]:
    """The word before the cursor, and the first text with it."""
    word = word_at_end(offer.document.text[: offer.replaced.start])
    return word, word + offer.texts[0]


def _preview(server: DglsServer, offer: Offer) -> str | types.MarkupContent:
    """The text as the editor can show it: as code where it reads Markdown."""
    _, text = _word_and_text(offer)
    capabilities = server.client_capabilities.text_document
    completion = capabilities.completion if capabilities else None
    item = completion.completion_item if completion else None
    formats = item.documentation_format if item else None
    source = offer.document.source
    if source is None or types.MarkupKind.Markdown not in (formats or ()):
        return text
    return types.MarkupContent(types.MarkupKind.Markdown, f"```{source.language.id}\n{text}\n```")
