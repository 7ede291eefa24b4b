"""Nothing leaves the machine: every connection of a whole session, recorded in both processes."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dgls.client.stop import stop
from dgls.config import Settings, changed
from dgls.editors.language_client import LanguageClient
from dgls.rendezvous.endpoint import endpoints
from tests.support.engines import ROOT

# Python imports this module by its name at the start of each process.
_RECORDER = """
import json, os, sys

def record(event, arguments):
    if event in WATCHED:
        line = json.dumps([event, os.getpid(), *(repr(each) for each in arguments[1:])])
        with open(FILE, "a") as file:
            file.write(line + "\\n")

FILE = os.environ["RECORD_FILE"]
WATCHED = {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg",
           "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"}
sys.addaudithook(record)
"""
FILE_TEXT = "def area(side):\n    return \n\n\ndef volume(side):\n    pass\n"
URI = "file:///code/project/shapes.py"


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    """A folder for everything that the session writes, whose engine ends with the test."""
    yield tmp_path
    for endpoint in endpoints(changed(Settings(), {"engine.folder": str(tmp_path / "e")})):
        await stop(endpoint)


def environment(folder: Path) -> dict[str, str]:
    """One in which every Python process records its connections, with the embedded model."""
    (folder / "recorder").mkdir()
    (folder / "recorder" / "sitecustomize.py").write_text(_RECORDER)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DGLS_")}
    homes = {f"XDG_{name}_HOME": str(folder / name) for name in ("CONFIG", "STATE", "CACHE")}
    return {
        **kept,
        **homes,
        "PYTHONPATH": f"{folder / 'recorder'}{os.pathsep}{ROOT}",
        "RECORD_FILE": str(folder / "connections"),
        "DGLS_ENGINE_FOLDER": str(folder / "e"),
        "DGLS_ENGINE_START_SECONDS": "120",
    }


@pytest.mark.slow
async def test_a_whole_session_talks_to_nothing_but_the_engines_socket(folder: Path) -> None:
    async with LanguageClient(environment(folder)) as editor:
        await editor.initialize()
        await a_session(editor)

    events = [json.loads(line) for line in (folder / "connections").read_text().splitlines()]
    addresses = {(event, *what) for event, _, *what in events}
    sockets = {what[0] for event, *what in addresses if event == "socket.connect"}
    assert len({pid for _, pid, *_ in events}) == 2, "the server and its engine"
    assert {event for event, *_ in addresses} == {"socket.connect", "socket.bind"}
    assert all(".sock" in address and str(folder) in address for _, address in addresses)
    assert len(sockets) == 1


async def a_session(editor: LanguageClient) -> None:
    """Typing, asking, a code action, and the commands."""
    document = {"uri": URI, "languageId": "python", "version": 1, "text": FILE_TEXT}
    editor.notify("textDocument/didOpen", {"textDocument": document})
    await suggest(editor, triggered=1)
    await asyncio.gather(*(suggest(editor, triggered=2) for _ in range(3)))
    start = {"line": 5, "character": 4}
    actions = await editor.request(
        "textDocument/codeAction",
        {
            "textDocument": {"uri": URI},
            "range": {"start": start, "end": start},
            "context": {"diagnostics": []},
        },
    )
    assert actions
    for action in actions:
        await editor.request("codeAction/resolve", action)
    await editor.request("workspace/executeCommand", {"command": "dgls.snooze", "arguments": [1]})


async def suggest(editor: LanguageClient, triggered: int) -> Any:
    return await editor.request(
        "textDocument/inlineCompletion",
        {
            "textDocument": {"uri": URI},
            "position": {"line": 1, "character": 11},
            "context": {"triggerKind": triggered},
        },
    )
