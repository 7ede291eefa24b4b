"""A model server that a test controls, on a real local socket."""

from __future__ import annotations

import json
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-very-secret"

Answer = Callable[["Exchange"], None]
"""What the server does with one request."""


class Exchange(BaseHTTPRequestHandler):
    """One request, and the ways to answer it, right or wrong."""

    server: _Server
    protocol_version = "HTTP/1.1"
    body: Any = None

    def reply(self, value: Any, status: int = 200) -> None:
        """Valid JSON."""
        self.raw(json.dumps(value).encode(), status)

    def raw(self, content: bytes, status: int = 200, promised: int | None = None) -> None:
        """Any bytes; fewer than `promised` make an incomplete reply."""
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", str(len(content) if promised is None else promised))
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = promised is not None

    def hang(self) -> None:
        """Answer nothing until the client goes away, and tell the test that it did."""
        self.server.facts.waiting.release()
        readable, _, _ = select.select([self.connection], [], [], 20)
        if readable and not self.connection.recv(1):
            self.server.facts.gone.set()
        self.close_connection = True

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer()

    def _answer(self) -> None:
        facts = self.server.facts
        facts.keys.append(self.headers.get("Authorization", ""))
        facts.asked.append((self.path, self.body))
        facts.pages.get(self.path, lambda exchange: exchange.reply({}, 404))(self)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


@dataclass(slots=True)
class FakeServer:
    """The requests, and the behaviour of the pages; a test may change `pages` while it runs."""

    pages: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    gone: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def bodies(self, path: str) -> list[Any]:
        """The bodies of a page's requests."""
        return [body for asked, body in self.asked if asked == path]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    facts: FakeServer


@contextmanager
def fake_server(pages: dict[str, Answer]) -> Iterator[FakeServer]:
    """The server, on its own loopback port, until the block ends."""
    server = _Server(("127.0.0.1", 0), Exchange)
    server.facts = FakeServer(dict(pages), url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.facts
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def models(name: str = "tiny", window: int = 256) -> Answer:
    """The list of the one model that the server has."""
    entry = {"id": name, "object": "model", "owned_by": "vllm", "max_model_len": window}
    return lambda exchange: exchange.reply({"object": "list", "data": [entry]})
