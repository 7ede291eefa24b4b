"""A minimal editor: a JSON-RPC client that starts `dgls lsp` and queries it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from dgls.errors import EngineUnavailableError

OWN_SERVER = (sys.executable, "-P", "-m", "dgls", "lsp")
"""The command of this dgls's own server."""

OnNotification = Callable[[str, Any], None]
"""Called with the method and the parameters of each notification."""

_ANSWER_S = 120.0


class LanguageClient:
    """A separate `dgls lsp`, on standard input and output."""

    def __init__(
        self,
        environment: Mapping[str, str],
        command: Sequence[str] = OWN_SERVER,
        on_notification: OnNotification = lambda method, params: None,
    ) -> None:
        self._environment = dict(environment)
        self._command = tuple(command)
        self._on_notification = on_notification
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=pipe,
            stdout=pipe,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environment,
        )
        self._reading = asyncio.ensure_future(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            await self.request("shutdown")
            self.notify("exit")
        else:
            self._process.kill()
        await self._process.wait()
        await asyncio.gather(self._reading, return_exceptions=True)

    @property
    def pid(self) -> int:
        """The server's process ID."""
        return self._process.pid

    async def initialize(self, experimental: Mapping[str, Any] | None = None) -> Any:
        """Initialize as an editor with inline completion and code actions."""
        capabilities = {
            "experimental": dict(experimental or {}),
            "general": {"positionEncodings": ["utf-8"]},
            "textDocument": {
                "inlineCompletion": {"dynamicRegistration": False},
                "codeAction": {"resolveSupport": {"properties": ["edit"]}},
            },
        }
        result = await self.request(
            "initialize", {"processId": None, "rootUri": None, "capabilities": capabilities}
        )
        self.notify("initialized", {})
        return result

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification."""
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    async def request(self, method: str, params: Any = None) -> Any:
        """The result of a request; several may run at once.

        Raises `EngineUnavailableError` for an error or no answer.
        """
        self._number += 1
        number = self._number
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        try:
            async with asyncio.timeout(_ANSWER_S):
                both: set[asyncio.Future[Any]] = {answer, self._reading}
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._answers[number]
        if not answer.done():
            self._reading.result()
        return _result(method, answer.result())

    async def _read(self) -> None:
        """Hand each response to its waiting request, until the server ends."""
        while True:
            message = await self._receive()
            if "method" not in message:
                answer = self._answers.get(message["id"])
                if answer is not None and not answer.done():
                    answer.set_result(message)
            elif "id" in message:
                # The server sends requests too (progress, configuration); they get a null result.
                self._send({"jsonrpc": "2.0", "id": message["id"], "result": None})
            else:
                self._on_notification(message["method"], message.get("params"))

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    async def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        try:
            head = await self._process.stdout.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            message: dict[str, Any] = json.loads(await self._process.stdout.readexactly(length))
        except asyncio.IncompleteReadError as error:
            raise EngineUnavailableError(
                f"dgls lsp ended (status {self._process.returncode}) before it answered."
            ) from error
        return message


def _result(method: str, message: dict[str, Any]) -> Any:
    if "error" in message:
        raise EngineUnavailableError(f"{method} failed: {message['error'].get('message')}")
    return message.get("result")
