"""An engine that gives a test's answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from dgls.client import EngineClient
from dgls.config import Settings, changed
from dgls.protocol import EngineState, Fill, FillReply, Health
from dgls.protocol_json import to_json
from dgls.rendezvous.endpoint import endpoint_of

WAIT_S = 10.0


REPLY = to_json(FillReply((Fill(("x",), 0.0, 1.0),), "fake")).encode()


READY = to_json(Health(EngineState.READY, pid=1)).encode()


Answer = Callable[[bytes, bytes], bytes | None]
"""A fake engine's answer to a head and a body; None closes the connection."""


def response(body: bytes, status: int = 200, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} x\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body


class FakeEngine:
    """Listens where the client looks for its engine, and gives the test's answers."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        self.settings = changed(
            Settings(), {"engine.folder": str(folder), "engine.start_seconds": 0.5}
        )
        self.connections = 0
        self.requests: list[bytes] = []
        self.gone = asyncio.Event()
        self._answer = answer
        self._conversations: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> FakeEngine:
        self.client = EngineClient(self.settings)
        path = endpoint_of(self.settings).socket
        self._server = await asyncio.start_unix_server(self._connected, str(path))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        self._server.close()
        await asyncio.gather(*self._conversations)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.current_task()
        assert conversation is not None
        self._conversations.append(conversation)
        # A client that gave up has closed its end, before its request or in the middle.
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            await self._serve(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                self.requests.append(head + body)
                answer = READY if b" /health " in head else self._answer(head, body)
                if answer is None:
                    break
                writer.write(response(answer) if answer is READY else answer)
        finally:
            self.gone.set()


def settings_in(folder: Path, **values: object) -> Settings:
    return changed(Settings(), {"engine.folder": str(folder), **values})
