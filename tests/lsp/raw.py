"""A client that writes the protocol byte by byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dgls.lsp.jsonrpc.transport import serve_tcp_once
from dgls.lsp.main import build
from tests.lsp.session import PATIENCE_S, ScriptedFiller


class Raw:
    """A client that sends any bytes and reads complete messages."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, message: object) -> None:
        self.send_body(json.dumps(message).encode())

    def send_body(self, body: bytes) -> None:
        self.writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def request(self, number: int, method: str, params: object = None) -> None:
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})

    def notify(self, method: str, params: object = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    async def answer(self, number: int | None) -> dict[str, Any]:
        """The next answer to a request; earlier messages are skipped."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().split("content-length:")[1].split("\r\n")[0])
                message = json.loads(await self.reader.readexactly(length))
                if "method" not in message and message.get("id") == number:
                    return message

    async def begin(self) -> None:
        self.request(1, "initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        await self.answer(1)
        self.notify("initialized", {})


@asynccontextmanager
async def listening(filler: ScriptedFiller) -> AsyncIterator[tuple[Any, int]]:
    """A server that waits for its client on a port."""
    server = build(lambda settings: filler)
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.ensure_future(serve_tcp_once(server, "127.0.0.1", 0, port))
    try:
        yield server, await port
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
