"""Tests dgls as an editor would use it: the same command, one document, one suggestion."""

from __future__ import annotations

import asyncio
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dgls.editors.guides import COMPLETIONS_URL, Guide
from dgls.editors.language_client import LanguageClient
from dgls.editors.version import installed_version, too_old
from dgls.errors import EngineUnavailableError, InputError
from dgls.text.counting import in_tens

_SOURCE = (
    "def area(width, height):\n    return width * height\n\n\ndef volume(width, height, depth):\n"
)
_BEGUN = "    return "
_URI = "file:///dgls-check/example.py"
_ANSWER_S = 60.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of the test.

    `server_ms` is the time to the answer to `initialize` (0 if the editor starts no server),
    `fill_ms` that to a suggestion once the model was loaded; `text` is the suggestion, and `model`
    the server's description of its model.
    """

    command: str
    server_ms: float
    fill_ms: float
    text: str
    model: str
    version: str = ""


def check(guide: Guide, say: Say) -> Checked:
    """Start the server as the editor would and ask for one suggestion.

    `say` gets the loading progress of the model. Raises `InputError` for an editor that is too old,
    and `EngineError` or `ModelError` if something does not answer.
    """
    version = installed_version(guide)
    if problem := too_old(guide, version):
        raise InputError(problem)
    if guide.title == "Zed":
        return _asked_by_port(version)
    return asyncio.run(_started(guide, version, say))


async def _started(guide: Guide, version: str, say: Say) -> Checked:
    command = (guide.program, "lsp")
    heard = _Heard(say)
    begun = time.monotonic()
    try:
        async with LanguageClient(os.environ, command, heard.take) as client:
            await client.initialize({"dglsStatus": True})
            server_ms = _since(begun)
            client.notify("textDocument/didOpen", {"textDocument": _document()})
            await heard.settled()
            begun = time.monotonic()
            items = await client.request("textDocument/inlineCompletion", _place())
            fill_ms = _since(begun)
    except OSError as error:
        raise EngineUnavailableError(
            f"{guide.program} did not start ({error.strerror}). Install dgls on the PATH."
        ) from error
    except EngineUnavailableError:
        heard.raise_failure()
        raise
    heard.raise_failure()
    texts = [str(item["insertText"]) for item in items or ()]
    return Checked(
        command=" ".join(command),
        server_ms=server_ms,
        fill_ms=fill_ms,
        text=texts[0] if texts else "",
        model=heard.model,
        version=version,
    )


class _Heard:
    """The server's notifications about its model."""

    def __init__(self, say: Say) -> None:
        self._settled = asyncio.Event()
        self._news = asyncio.Event()
        self._loading = in_tens(say)
        self._failure = ""
        self.model = ""

    def take(self, method: str, params: Any) -> None:
        """Handle one notification."""
        if method != "dgls/status":
            return
        state, message = params.get("state"), params.get("message", "")
        self._news.set()
        if state == "loading":
            self._loading(params.get("percent", 0), message)
            return
        self._failure = message if state == "failed" else ""
        self.model = params.get("line", "")
        self._settled.set()

    async def settled(self) -> None:
        """Wait until the model is loaded or has failed, as long as notifications arrive."""
        while not self._settled.is_set():
            self._news.clear()
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await self._news.wait()
            except TimeoutError as error:
                raise EngineUnavailableError(
                    f"The model did not report anything for {_ANSWER_S:g} s; run dgls doctor."
                ) from error

    def raise_failure(self) -> None:
        """Raise the failure that the server reported."""
        if self._failure:
            raise EngineUnavailableError(self._failure)


def _document() -> dict[str, Any]:
    text = _SOURCE + _BEGUN
    return {"uri": _URI, "languageId": "python", "version": 1, "text": text}


def _place() -> dict[str, Any]:
    """The end of the document; 1 is "invoked" in `InlineCompletionTriggerKind` of LSP 3.18."""
    position = {"line": _SOURCE.count("\n"), "character": len(_BEGUN)}
    return {
        "textDocument": {"uri": _URI},
        "position": position,
        "context": {"triggerKind": 1},
    }


def _asked_by_port(version: str) -> Checked:
    """As Zed asks: the same URL, the same marks in the prompt."""
    prompt = f"<fim_prefix>{_SOURCE}{_BEGUN}<fim_suffix>\n<fim_middle>"
    body = json.dumps({"model": "dgls", "prompt": prompt, "max_tokens": 64}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(COMPLETIONS_URL, body, headers)
    begun = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_S) as response:
            answer = json.load(response)
        text, model = str(answer["choices"][0]["text"]), str(answer["model"])
    except (OSError, ValueError, LookupError, urllib.error.URLError) as error:
        raise EngineUnavailableError(
            f"Nothing answers at {COMPLETIONS_URL} ({error}); start dgls serve --port 8012."
        ) from error
    return Checked(COMPLETIONS_URL, 0.0, _since(begun), text, model, version)


def _since(begun: float) -> float:
    return 1000 * (time.monotonic() - begun)
