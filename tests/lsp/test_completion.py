"""`textDocument/completion`: one modest item, and none if inline completion shows the same."""

from __future__ import annotations

import pytest
from lsprotocol import types

from tests.lsp.session import URI, ScriptedFiller, Session, initialized, place, reply
from tests.support.marks import cursor_of


async def complete(session: Session, marked: str) -> types.CompletionList:
    text, cursor = cursor_of(marked)
    await session.open(text)
    lines = text[:cursor].split("\n")
    found = await session.client.text_document_completion_async(
        types.CompletionParams(
            text_document=types.TextDocumentIdentifier(uri=URI),
            position=place(len(lines) - 1, len(lines[-1])),
        )
    )
    assert isinstance(found, types.CompletionList)
    return found


async def test_the_suggestion_is_one_item_sorted_after_others(filler: ScriptedFiller) -> None:
    filler.answer = lambda request: reply("de * side")
    async with initialized(filler, inline=False) as session:
        found = await complete(session, "def area(side):\n    return si⟦⟧\n")

    assert found.is_incomplete
    (item,) = found.items
    assert item.label == "side * side"
    assert item.preselect is False
    assert item.sort_text is not None
    assert item.sort_text > "zzzz~"
    assert isinstance(item.text_edit, types.TextEdit)
    assert item.text_edit.new_text == "side * side"
    assert item.text_edit.range == types.Range(start=place(1, 11), end=place(1, 13))
    assert item.filter_text is not None
    assert item.filter_text.startswith("si")
    # This client has not announced Markdown support.
    assert item.documentation == "side * side"


@pytest.mark.parametrize(
    ("inline", "setting", "items"),
    [
        (True, "auto", 0),
        (False, "auto", 1),
        (True, "always", 1),
        (False, "never", 0),
    ],
)
async def test_the_item_is_offered_if_nothing_else_shows_the_suggestion(
    filler: ScriptedFiller, inline: bool, setting: str, items: int
) -> None:
    filler.answer = lambda request: reply("1")
    options = {"typing": {"completion_list": setting}}
    async with initialized(filler, inline=inline, options=options) as session:
        found = await complete(session, "x = ⟦⟧\n")

    assert len(found.items) == items
    assert bool(filler.requests) is bool(items)


async def test_silence_is_an_empty_incomplete_list(filler: ScriptedFiller) -> None:
    filler.answer = lambda request: reply("1", confidence=0.1)
    async with initialized(filler, inline=False) as session:
        found = await complete(session, "x = ⟦⟧\n")

    assert not found.items
    assert found.is_incomplete
