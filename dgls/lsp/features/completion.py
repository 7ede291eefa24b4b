"""`textDocument/completion`: the same suggestion as one item of the menu.

For editors without inline completion. The list is incomplete, so that the editor asks again, and
the item sorts after those of other servers.
"""

from __future__ import annotations

from lsprotocol import types

from dgls.errors import DglsError
from dgls.lsp.context import Feature, RequestContext
from dgls.lsp.documents import Document
from dgls.lsp.offers import Offer, Place
from dgls.lsp.suggest import suggest
from dgls.policy.silence_reasons import Silence
from dgls.sound.words import word_at_end
from dgls.text.spans import Span

LAST = "\U0010ffff"
"""Sorts after every other text."""

_LABEL_CHARS = 60


async def completion(
    context: RequestContext, params: types.CompletionParams
) -> types.CompletionList:
    """The suggestion at the cursor as a list of at most one item."""
    nothing = types.CompletionList(is_incomplete=True, items=[])
    document = context.document(params.text_document.uri)
    cursor = document.offset(params.position) if document is not None else None
    if document is None or document.source is None or cursor is None:
        return nothing
    if not _is_wanted(context, document):
        return types.CompletionList(is_incomplete=False, items=[])
    place = Place(document, document.source, cursor, Span(cursor, cursor))
    try:
        found = await suggest(context, place, automatic=True)
    except DglsError:
        return nothing
    if found is None or isinstance(found, Silence):
        return nothing
    item = item_of(found, _preview(found, markdown=context.client.reads_markdown))
    return types.CompletionList(is_incomplete=True, items=[item])


FEATURE = Feature(types.TEXT_DOCUMENT_COMPLETION, completion, types.CompletionOptions())


def _is_wanted(context: RequestContext, document: Document) -> bool:
    """Whether the menu offers suggestions: by the setting, or if the editor has no other way."""
    wanted = context.rules.settings_for(document).typing.completion_list
    return wanted == "always" if wanted != "auto" else not context.client.has_inline_completion


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


def _preview(offer: Offer, *, markdown: bool) -> str | types.MarkupContent:
    """The preview of the text: as code if the editor reads Markdown."""
    _, text = _word_and_text(offer)
    source = offer.document.source
    if source is None or not markdown:
        return text
    return types.MarkupContent(types.MarkupKind.Markdown, f"```{source.language.id}\n{text}\n```")
