"""Documents from odd editors: unexpected versions, changes and names."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from lsprotocol import types

from dgls.lsp.convert import key_of, path_of
from dgls.lsp.documents import Document
from dgls.requests import neighbours
from tests.lsp.raw import Raw, listening
from tests.lsp.session import (
    PATIENCE_S,
    URI,
    ScriptedFiller,
    Session,
    initialized,
    place,
    reply,
    until,
)


@pytest.mark.parametrize(
    ("item", "reads"),
    [
        ({"version": None}, True),
        ({"version": ...}, True),
        ({"languageId": "Python"}, True),
        ({"languageId": "PY"}, True),
        ({"languageId": None}, True),
        ({"languageId": ""}, True),
        ({"languageId": "golang"}, True),
        ({"languageId": "js"}, True),
        ({"languageId": "py3"}, True),
        ({"languageId": "Python3.12"}, True),
        ({"languageId": "python-ts-mode"}, True),
        ({"languageId": "javascript.jsx"}, True),
        ({"languageId": "django"}, True),
        ({"languageId": 5}, True),
        ({"languageId": ["python"]}, True),
        ({"version": "new"}, True),
        ({"version": 2**40}, True),
        ({"version": True}, True),
        ({"languageId": "plaintext"}, False),
        ({"languageId": "Plain Text"}, False),
    ],
)
async def test_a_document_with_missing_fields_is_read(
    raw: Raw, filler: ScriptedFiller, item: dict[str, Any], reads: bool
) -> None:
    filler.answer = lambda request: reply("yes()")
    await raw.begin()
    document = {"uri": "file:///p/a.py", "languageId": "python", "version": 1, "text": "x = \n"}
    document = {k: v for k, v in {**document, **item}.items() if v is not ...}
    raw.notify("textDocument/didOpen", {"textDocument": document})
    asked = {
        "textDocument": {"uri": "file:///p/a.py"},
        "position": {"line": 0, "character": 4},
        "context": {"triggerKind": 1},
    }
    raw.request(3, "textDocument/inlineCompletion", asked)
    assert bool((await raw.answer(3))["result"]) is reads
    change = {"text": "yy = \n"}
    version = {"version": None} if item.get("version", 1) is None else {"version": 2}
    identifier = {"uri": "file:///p/a.py", **version}
    raw.notify("textDocument/didChange", {"textDocument": identifier, "contentChanges": [change]})
    raw.request(
        4, "textDocument/inlineCompletion", {**asked, "position": {"line": 0, "character": 5}}
    )
    assert bool((await raw.answer(4))["result"]) is reads
    assert not reads or filler.requests[-1].parts[0] == "yy = "


async def test_a_change_before_open_and_a_second_open_are_accepted(session: Session) -> None:
    documents = session.server.documents
    identifier = types.VersionedTextDocumentIdentifier(uri=URI, version=3)
    whole = types.TextDocumentContentChangeWholeDocument(text="x = 1\n")
    part = types.TextDocumentContentChangePartial(
        range=types.Range(start=place(0, 0), end=place(0, 0)), text="y"
    )
    params = types.DidChangeTextDocumentParams
    session.client.text_document_did_change(
        params(text_document=identifier, content_changes=[part])
    )
    session.client.text_document_did_change(
        params(text_document=identifier, content_changes=[whole])
    )
    await until(lambda: documents.get(URI) is not None)
    found = documents.get(URI)
    assert found is not None
    assert (found.text, found.version, found.source is None) == ("x = 1\n", 3, False)
    await session.open("z = 2\n")
    await until(lambda: documents.now[URI].text == "z = 2\n")
    documents.close(URI)
    session.client.text_document_did_change(
        params(text_document=identifier, content_changes=[part, whole, part])
    )
    await until(lambda: documents.get(URI) is not None)
    assert documents.now[URI].text == "yx = 1\n"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"range": None, "text": "y = \n"}, "y = \n"),
        ({"range": None, "rangeLength": None, "text": "y = \n"}, "y = \n"),
        ({"rangeLength": 4, "text": "y = \n"}, "y = \n"),
        ({"rangeLength": -1, "range": [0, 0, 0, 1], "text": "y"}, "y = 😀\n"),
        ({"rangeLength": "all", "range": [0, 4, 0, 6], "text": "1"}, "x = 1\n"),
        # Half of a character of two units, and places that the text does not have.
        ({"range": [0, 4, 0, 5], "text": "1"}, "x = 1😀\n"),
        ({"range": [0, 5, 0, 6], "text": "1"}, "x = 1\n"),
        ({"range": [0, 4, 9, 9], "text": "1"}, "x = 1"),
        ({"range": [7, 0, 9, 9], "text": "1"}, "x = 😀\n1"),
        ({"range": [0, 99, 0, 4], "text": "1"}, "x = 1\n"),
    ],
)
@pytest.mark.parametrize("version", [2, 1, -5, None])
async def test_a_change_with_missing_fields_is_accepted(
    filler: ScriptedFiller, change: dict[str, Any], text: str, version: int | None
) -> None:
    if isinstance(change.get("range"), list):
        line, column, end_line, end_column = change["range"]
        start = {"line": line, "character": column}
        end = {"line": end_line, "character": end_column}
        change = {**change, "range": {"start": start, "end": end}}
    async with listening(filler) as (server, port):
        raw = Raw(*await asyncio.open_connection("127.0.0.1", port))
        await raw.begin()
        item = {"uri": URI, "languageId": "python", "version": 1, "text": "x = 😀\n"}
        raw.notify("textDocument/didOpen", {"textDocument": item})
        document = {"uri": URI, "version": version}
        raw.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})
        raw.request(2, "x/y", {})
        await raw.answer(2)
        found = server.documents.get(URI)
        assert (found.text, found.source.text) == (text, text)
        raw.writer.close()


WILD = [-1, 1e400, float("nan"), 1.5, True, "0", None, [], {}, 2**31, 10**30, "x"]
START = {"line": 0, "character": 0}
OWN: dict[str, Callable[[Any], object]] = {
    "dgls/cursor": lambda wild: {"textDocument": {"uri": URI}, "position": wild},
    "dgls/cursor ": lambda wild: {"textDocument": {"uri": wild}, "position": START},
    "textDocument/copilotInlineEdit": lambda wild: {
        "textDocument": {"uri": URI},
        "position": {"line": wild, "character": 0},
    },
    "textDocument/copilotInlineEdit ": lambda wild: {
        "textDocument": {"uri": wild},
        "position": START,
    },
    "dgls.why": lambda wild: [URI, {"line": 0, "character": wild}],
    "dgls.why ": lambda wild: [wild, START],
    "dgls.edit": lambda wild: [URI, {"start": {**START, "line": wild}, "end": START}, "do"],
    "dgls.edit ": lambda wild: [URI, {"start": START, "end": START}, wild],
    "dgls.snooze": lambda wild: [wild],
    "codeAction/resolve": lambda wild: {
        "title": "x",
        "data": {"kind": "x", "uri": URI, "version": 1, "span": [wild, wild]},
    },
    "codeAction/resolve ": lambda wild: {
        "title": "x",
        "data": {"kind": wild, "uri": wild, "version": wild, "span": [0, 1], "strength": wild},
    },
}


@pytest.mark.parametrize("method", OWN)
async def test_wild_parameters_of_dgls_methods_cause_no_internal_error(
    raw: Raw, method: str
) -> None:
    await raw.begin()
    item = {"uri": URI, "languageId": "python", "version": 1, "text": "x = \n"}
    raw.notify("textDocument/didOpen", {"textDocument": item})
    for number, wild in enumerate(WILD, 2):
        name, params = method.strip(), OWN[method](wild)
        if name.startswith("dgls."):
            name, params = "workspace/executeCommand", {"command": name, "arguments": params}
        raw.notify("$/cancelRequest", {"id": wild})
        raw.request(number, name, params)
        assert "inside" not in str((await raw.answer(number)).get("error"))


async def test_closing_a_document_drops_what_was_computed_for_it(
    filler: ScriptedFiller, tmp_path: Path
) -> None:
    filler.answer = lambda request: reply("call(a)")
    async with initialized(filler) as session:
        await session.open("def f(old):\n    return old\nx = \n")
        await session.changed(0, 6, "new", 9)
        assert await session.ask(2, 4, invoked=True)
        assert await session.actions((0, 0), (0, 0))
        assert session.server.fills.last is not None
        filler.hold()
        late = session.ask(2, 2, invoked=True)
        await until(lambda: len(filler.requests) > 1)
        identifier = types.TextDocumentIdentifier(URI)
        session.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))
        await until(lambda: session.server.documents.get(URI) is None)
        filler.go.set()
        assert not await late
        assert (session.server.fills.last, session.server.ripples._last) == (None, None)
        gc.collect()
        await until(lambda: not [each for each in gc.get_objects() if type(each) is Document])


async def test_an_editor_with_constant_version_numbers_gets_no_stale_answer(
    raw: Raw, filler: ScriptedFiller
) -> None:
    filler.answer = lambda request: reply("yes()")
    filler.hold()
    await raw.begin()
    item = {"uri": URI, "languageId": "python", "version": 1, "text": "x = \n"}
    raw.notify("textDocument/didOpen", {"textDocument": item})
    asked = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 4}}
    raw.request(3, "textDocument/inlineCompletion", {**asked, "context": {"triggerKind": 1}})
    async with asyncio.timeout(PATIENCE_S):
        await filler.arrived.wait()
    same = {"textDocument": {"uri": URI, "version": 1}, "contentChanges": [{"text": "import a\n"}]}
    raw.notify("textDocument/didChange", same)
    raw.request(4, "x/y")
    await raw.answer(4)
    filler.go.set()
    assert not (await raw.answer(3))["result"]


@pytest.mark.parametrize(
    "other",
    [
        "file:///code/project/%65xample.py",
        "file://localhost/code/project/example.py",
        "file:///code/project/./example.py",
        "file:///code/x/../project/example.py",
        "file:///code//project/example.py",
        "file:////code/project/example.py",
        "FILE:///code/project/%65x%61mple%2Epy",
        "file:/code/project/example.py",
        "file:///code/%2e%2e/code/project/example.py",
    ],
)
async def test_a_file_with_several_names_is_one_document(session: Session, other: str) -> None:
    session.filler.answer = lambda request: reply("yes()")
    await session.open("x = \n")
    assert key_of(other) == key_of(URI)
    assert await session.ask(0, 4, uri=other, invoked=True)
    await session.changed(0, 0, "y", uri=URI)
    assert len(session.server.documents.now) == 1


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///p/a#b.py", "/p/a#b.py"),
        ("file:///p/a%23b.py", "/p/a#b.py"),
        ("file:///p/a?b.py", "/p/a?b.py"),
        ("file:///p/what?/.env", "/p/what?/.env"),
        ("file:///p/c#/.env", "/p/c#/.env"),
        ("file:///p/c#/key.pem?x#y", "/p/c#/key.pem?x#y"),
        ("file://localhost/p/c#/.env", "/p/c#/.env"),
        ("FILE:///p/c#/.env", "/p/c#/.env"),
        ("untitled:a#b", "a"),
        ("untitled:.env", ".env"),
        ("untitled:Untitled-1", "Untitled-1"),
        ("file:///p/a%2eb%2Fc", "/p/a.b/c"),
        ("file:///p/%E4%B8%ad.py", "/p/中.py"),
        ("file:///p/%FF.py", "/p/\udcff.py"),
        ("file:///p/%EF%BF%BD%C3.py", "/p/\ufffd\udcc3.py"),
        ("file:///p/a%25zz.py", "/p/a%zz.py"),
        ("file:///p/a%zz.py", "/p/a%zz.py"),
        ("file://LOCALHOST/p/a.py", "/p/a.py"),
        ("vscode-remote://ssh-remote%2Bbox/home/me/.env", "/home/me/.env"),
        ("vscode-notebook-cell:/p/secrets.ipynb#W0", "/p/secrets.ipynb"),
        ("git:/p/.env?ref", "/p/.env"),
    ],
)
def test_uris_keep_every_part_of_a_file_name(uri: str, path: str) -> None:
    assert path_of(uri) == path
    if uri.lower().startswith("file:"):
        assert key_of(uri) == key_of("file://" + quote(path, errors="surrogateescape"))


async def test_a_link_with_an_undecodable_name_is_judged_by_its_target(
    filler: ScriptedFiller, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("x = \n")
    (tmp_path / "plain.py").write_text("x = \n")
    filler.answer = lambda request: reply("yes()")
    async with initialized(filler, root=tmp_path.as_uri()) as session:
        for target, shown in ((".env", False), ("plain.py", True)):
            link = bytes(tmp_path) + b"/%s\xff.py" % target[-3:].encode()
            os.symlink(target, link)
            uri = "file://" + quote(link)
            await session.open("x = \n", uri=uri)
            assert bool(await session.ask(0, 4, uri=uri, invoked=True)) is shown
    assert len(filler.requests) == 1


async def test_an_undecodable_name_is_sent_as_text(
    filler: ScriptedFiller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lone surrogate in JSON ends the session in some editors and servers."""
    monkeypatch.setattr(neighbours, "MAX_MS", 60_000)
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "dgls.toml").write_text("[bad")
    (folder / "other.py").write_text("def other(x):\n    y = 1\n")
    options = {"context": {"chars": 1000}}
    async with initialized(filler, root=tmp_path.as_uri(), options=options) as session:
        for name in (b"a\xff.py", b"b\xff.py"):
            uri = "file://" + quote(bytes(folder) + b"/" + name)
            await session.open("import other\ndef f(x):\n    y = 1\n", uri=uri)
            await session.changed(2, 9, "2", uri=uri)
            await session.ask(2, 10, uri=uri, invoked=True)
        await until(lambda: session.client.messages)
    request = filler.requests[-1]
    assert request.path == "caf?/b?.py"
    assert {snippet.path for snippet in request.snippets} == {"other.py", "a?.py"}
    assert all(told.message.encode() for told in session.client.messages)


def test_cells_of_a_notebook_and_unsaved_documents_stay_apart() -> None:
    names = ["untitled:a", "untitled:b", "vscode-notebook-cell:/p/n.ipynb#a"]
    names += ["vscode-notebook-cell:/p/n.ipynb#b", "file:///p/a.py", "file:///p/A.py", "http://[x"]
    assert len({key_of(name) for name in names}) == len(names)
    assert path_of("file:///p/a%20b.py") == "/p/a b.py"


async def test_typing_and_accepting_keep_no_old_document(filler: ScriptedFiller) -> None:
    """Memory grows neither with each keystroke nor with each accepted suggestion."""
    filler.answer = lambda request: reply("call(a)")
    options = {"typing": {"shortest_delay_ms": 0, "longest_delay_ms": 0}}
    async with initialized(filler, options=options) as session:
        await session.open("".join(f"x{n} = {n}\n\n" for n in range(500)))
        for number in range(1, 25, 2):
            await session.changed(number, 0, f"y{number} = ")
            column = len(f"y{number} = ")
            await session.ask(number, column, invoked=True)
            await session.changed(number, column, "call(a)")
        await until(lambda: not session.server.fills._running)
        gc.collect()
        held = [each for each in gc.get_objects() if type(each) is Document]
    assert len(session.server.typists.of(URI).accepted) == 12
    assert len(held) <= 6


NOTIFICATIONS: dict[str, dict[str, object]] = {
    "workspace/didChangeConfiguration": {"settings": {"dgls": {"show": {"threshold": 0.5}}}},
    "workspace/didChangeWorkspaceFolders": {"event": {"added": [], "removed": []}},
    "textDocument/didSave": {"textDocument": {"uri": URI}},
    "textDocument/didOpen": {
        "textDocument": {"uri": URI, "languageId": "python", "version": 1, "text": "x = 1\n"}
    },
    "textDocument/didClose": {"textDocument": {"uri": URI}},
    "window/workDoneProgress/cancel": {"token": "x"},
    "$/setTrace": {"value": "off"},
    "$/cancelRequest": {"id": 9_999},
    "dgls/nobodyKnowsThis": {},
}


async def test_no_notification_is_kept(filler: ScriptedFiller) -> None:
    async with listening(filler) as (server, port):
        raw = Raw(*await asyncio.open_connection("127.0.0.1", port))
        await raw.begin()
        for method, params in NOTIFICATIONS.items():
            for _ in range(20):
                raw.notify(method, params)
        raw.request(2, "dgls/nobodyKnowsThis", {})
        await raw.answer(2)
        await until(lambda: len(server.protocol._request_futures) < 3)
        raw.writer.close()
