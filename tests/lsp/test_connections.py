"""Nothing leaves the machine: all connections of a session, recorded in both processes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dgls.checkpoint.automatic_model import EMBEDDED
from dgls.checkpoint.registry import find
from dgls.client.stop import stop
from dgls.config import Settings, changed
from dgls.editors.language_client import OWN_SERVER, LanguageClient
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
TASK = {
    "task_id": "SingleLineInfilling/HumanEval/0/L0",
    "entry_point": "double",
    "prompt": "def double(x):\n    ",
    "canonical_solution": "return 2 * x\n",
    "suffix": "\n",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n",
}
LOOPBACK = re.compile(r"\('(?:127\.0\.0\.1|::1)', ")
EXPECTED: dict[str, set[int]] = {
    "why": {7},
    # Ten gaps may be too few.
    "eval calibrate ./model --tree tree --count 10": {0, 6},
    "model path qwen2.5-coder-0.5b-instruct": {6},
    "model remove qwen2.5-coder-0.5b-instruct": {6},
}
"""The exit statuses of commands that may end with another status than 0."""
URI = "file:///code/project/shapes.py"


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    """A folder for all files of the session, whose engine ends with the test."""
    yield tmp_path
    for endpoint in endpoints(changed(Settings(), {"engine.folder": str(tmp_path / "e")})):
        await stop(endpoint)


def environment(folder: Path) -> dict[str, str]:
    """The environment with the embedded model, in which Python processes record connections."""
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

    events = recorded(folder)
    addresses = {(event, *what) for event, _, *what in events}
    sockets = {what[0] for event, *what in addresses if event == "socket.connect"}
    assert len({pid for _, pid, *_ in events}) == 2, "the server and its engine"
    assert {event for event, *_ in addresses} == {"socket.connect", "socket.bind"}
    assert all(".sock" in address and str(folder) in address for _, address in addresses)
    assert len(sockets) == 1


def recorded(folder: Path) -> list[list[Any]]:
    """The records of every process: the event, the process, and the address."""
    file = folder / "connections"
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]


COMMANDS = (
    "--version",
    "fill shapes.py:2:12",
    "fill --watch shapes.py:2:12",
    "fill --json --write shapes.py:2:12",
    "why",
    "why shapes.py:2:12",
    "model list",
    "model path qwen2.5-coder-0.5b-instruct",
    "model remove qwen2.5-coder-0.5b-instruct",
    "editor zed",
    "editor vscode",
    "editor helix --write",
    "editor neovim --check",
    "doctor",
    "doctor --measure",
    "stats",
    "stats --clear",
    "completion bash",
    "eval faults",
    "eval faults --model embedded --kind alike",
    "eval cut tree --count 2 --out reports",
    "eval humaneval tasks.jsonl --count 1 --system causal --out reports",
    "bench latency --keystrokes 2 --places 1 --model embedded",
    "bench engine --editors 1 --seconds 1 --model embedded",
    "eval typing tree --count 1 --truth --latency-ms 1",
    "eval calibrate ./model --tree tree --count 10",
    "serve --idle 0.5",
    "serve --stop",
)
"""Every command with its default settings.

Left out are those whose purpose is to fetch (`model get`, which `make try` calls, and `train` for
its corpus), and those of the lab that run for minutes.
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
async def test_no_command_connects_beyond_this_machine_or_looks_up_a_name(
    folder: Path, command: str
) -> None:
    work = folder / "work"
    (work / "tree").mkdir(parents=True)
    (work / "shapes.py").write_text(FILE_TEXT)
    (work / "tree" / "geometry.py").write_text((ROOT / "fixtures/python/geometry.py").read_text())
    if "./model" in command:
        shutil.copytree(find(EMBEDDED), work / "model")
    (work / "tasks.jsonl").write_text(json.dumps(TASK) + "\n")
    process = await asyncio.create_subprocess_exec(
        *OWN_SERVER[:-1],
        *command.split(),
        cwd=work,
        env=environment(folder),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode in EXPECTED.get(command, {0}), said.decode()

    for event, _, address in recorded(folder):
        is_unix = re.fullmatch(r"'/.*\.sock'", address)
        assert event in {"socket.connect", "socket.bind"}, (event, address)
        assert is_unix or LOOPBACK.search(address), (event, address)


async def test_a_command_that_connects_elsewhere_is_found(folder: Path) -> None:
    code = "import socket; socket.socket().connect_ex(('192.0.2.1', 9)) if 0 else None;"
    code += "import sys; sys.audit('socket.connect', None, ('192.0.2.1', 9))"
    process = await asyncio.create_subprocess_exec(
        OWN_SERVER[0], "-P", "-c", code, env=environment(folder)
    )
    await process.wait()
    ((event, _, address),) = recorded(folder)
    assert event == "socket.connect"
    assert not LOOPBACK.search(address)


async def a_session(editor: LanguageClient) -> None:
    """Typing, explicit requests, a code action, and the commands."""
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
