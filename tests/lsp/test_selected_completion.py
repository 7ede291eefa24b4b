"""A suggestion while the menu of completions is open goes on from what is selected there."""

from __future__ import annotations

import pytest
from lsprotocol import types

from tests.lsp.raw import Raw
from tests.lsp.session import (
    URI,
    ScriptedFiller,
    Session,
    accepted,
    only_item,
    place,
    reply,
)
from tests.support.marks import cursor_of


@pytest.mark.parametrize(
    ("marked", "selected_range", "selected", "fill", "expected"),
    [
        ("path.exi⟦⟧\n", (5, 8), "exists", "()", "path.exists()\n"),
        ("console.⟦⟧\n", (7, 8), ".log", "(x)", "console.log(x)\n"),
        ("foo.ba⟦⟧r\n", (4, 7), "bars", "()", "foo.bars()\n"),
    ],
)
async def test_a_suggestion_extends_the_completion_that_is_selected_in_the_menu(
    session: Session,
    filler: ScriptedFiller,
    marked: str,
    selected_range: tuple[int, int],
    selected: str,
    fill: str,
    expected: str,
) -> None:
    filler.answer = lambda request: reply(fill)
    start, end = selected_range
    range_ = types.Range(start=place(0, start), end=place(0, end))
    info = types.SelectedCompletionInfo(range=range_, text=selected)

    item = only_item(await session.complete(marked, selected=info))

    assert item.range == range_
    assert isinstance(item.insert_text, str)
    assert item.insert_text.startswith(selected)
    assert accepted(cursor_of(marked)[0], item) == expected
    assert filler.requests[0].parts[0].endswith(selected)


@pytest.mark.parametrize("range_", [((0, 0), (1, 2)), ((0, 0), (0, 1)), ((1, 2), (1, 1))])
async def test_a_selected_completion_elsewhere_gets_no_suggestion(
    session: Session, filler: ScriptedFiller, range_: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    filler.answer = lambda request: reply("()")
    start, end = range_
    info = types.SelectedCompletionInfo(
        range=types.Range(start=place(*start), end=place(*end)), text="exists"
    )

    assert await session.complete("x\nfoo⟦⟧", selected=info) is None
    assert filler.requests == []


async def test_a_selected_completion_without_text_gets_no_suggestion(raw: Raw) -> None:
    await raw.begin()
    item = {"uri": URI, "languageId": "python", "version": 1, "text": "foo\n"}
    raw.notify("textDocument/didOpen", {"textDocument": item})
    end = {"line": 0, "character": 3}
    info = {"range": {"start": {"line": 0, "character": 0}, "end": end}, "text": "foo\ud800"}
    context = {"triggerKind": 1, "selectedCompletionInfo": info}
    params = {"textDocument": {"uri": URI}, "position": end, "context": context}
    raw.request(2, "textDocument/inlineCompletion", params)
    assert (await raw.answer(2))["result"] is None
