"""A small catalogue with its sources: wheels in a folder for pip, and a local hub."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random

from dgls.checkpoint.catalogue import Entry, ModelFile, Part

PARTS = (40_000, 40_000, 25_000)
DATA = Random(0).randbytes(sum(PARTS))
COMMIT = "c" * 40
_LONGEST_S = 20.0


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def pieces() -> Iterator[tuple[int, bytes]]:
    """The number and the bytes of each part."""
    begin = 0
    for number, size in enumerate(PARTS, start=1):
        yield number, DATA[begin : begin + size]
        begin += size


def _part(number: int, data: bytes) -> Part:
    member = f"dgls_toy_part{number}/data/part{number:02}.bin"
    return Part(f"dgls-toy-part{number}", "1.0", member, len(data), sha256(data))


PINNED = Entry(
    name="toy",
    licence="Apache-2.0",
    publisher="Somebody",
    repository="Somebody/Toy-GGUF",
    revision=COMMIT,
    parameters=100_000,
    files=(
        ModelFile("toy.gguf", len(DATA), sha256(DATA), tuple(_part(*piece) for piece in pieces())),
    ),
)
FOLDER = Entry(
    name="toy-base",
    licence="Apache-2.0",
    publisher="Somebody",
    repository="Somebody/Toy",
    revision="main",
    parameters=100_000,
    files=(ModelFile("config.json", 20), ModelFile("model.safetensors", len(DATA))),
)


def as_toml(*entries: Entry) -> str:
    """The entries in the form of `catalogue.toml`."""
    return "\n".join(_entry_toml(entry) for entry in entries)


def _entry_toml(entry: Entry) -> str:
    lines = ["[[model]]"]
    lines += [
        f'{key} = "{getattr(entry, key)}"'
        for key in ("name", "licence", "publisher", "repository", "revision")
    ]
    lines.append(f"parameters = {entry.parameters}")
    for file in entry.files:
        lines += ["[[model.file]]", f'name = "{file.name}"', f"bytes = {file.bytes}"]
        if file.sha256:
            lines += [f'sha256 = "{file.sha256}"', 'package = "dgls-toy-part{number}"']
            parts = [f'{{ bytes = {part.bytes}, sha256 = "{part.sha256}" }}' for part in file.parts]
            lines += ['version = "1.0"', f"parts = [{', '.join(parts)}]"]
    return "\n".join(lines)


def write_wheel(folder: Path, part: Part, data: bytes, member: str = "") -> Path:
    """The wheel of one part, which holds `data`."""
    stem = part.package.replace("-", "_")
    info = f"{stem}-{part.version}.dist-info"
    path = folder / f"{stem}-{part.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        # Importing or installing it would raise this.
        wheel.writestr(f"{stem}/__init__.py", "raise SystemExit('imported')")
        wheel.writestr(member or part.member, data)
        metadata = f"Metadata-Version: 2.1\nName: {part.package}\nVersion: {part.version}\n"
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def write_index(folder: Path) -> Path:
    """A folder with the wheel of every part, for pip's `--find-links`."""
    folder.mkdir()
    for part, (_, data) in zip(PINNED.files[0].parts, pieces(), strict=True):
        write_wheel(folder, part, data)
    return folder


@dataclass
class HubFiles:
    """The local hub's files by path, and its misbehaviour.

    `breaks_after` closes the connection after so many bytes of an answer, the given number of
    times; `page` answers with a web page; `ranges` allows requests for parts of a file. If `holds`
    exists, an answer waits for it after its first `breaks_after` bytes.
    """

    files: dict[str, bytes]
    ranges: bool = True
    page: bool = False
    breaks_after: int = 0
    breaks: int = 0
    holds: threading.Event | None = None
    asked: list[str] = field(default_factory=list)


@contextmanager
def hub(said: HubFiles) -> Iterator[str]:
    """The address of a server that behaves like the hub."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(False)

        def do_GET(self) -> None:
            self._answer(True)

        def _answer(self, with_body: bool) -> None:
            wanted = self.headers.get("Range", "")
            said.asked.append(f"{self.command} {self.path} {wanted}".strip())
            if said.page:
                self._send(200, b"<html>Welcome. Log in.</html>", "text/html", with_body)
            elif self.path.startswith("/storage"):
                self._send_file(said.files[self.path.removeprefix("/storage")], wanted, with_body)
            elif self.path not in said.files:
                self._send(404, b"Entry not found", "text/plain", with_body)
            else:
                self._redirect(said.files[self.path])

        def _redirect(self, data: bytes) -> None:
            self.send_response(302)
            self.send_header("Location", f"/storage{self.path}")
            digest = sha256(data) if len(data) > 1000 else git_hash(data)
            self.send_header("X-Linked-Etag", f'"{digest}"')
            self.send_header("X-Linked-Size", str(len(data)))
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send_file(self, data: bytes, wanted: str, with_body: bool) -> None:
            if wanted and said.ranges:
                begin = int(wanted.removeprefix("bytes=").rstrip("-"))
                content_range = f"bytes {begin}-{len(data) - 1}/{len(data)}"
                self._send(206, data[begin:], "application/octet-stream", with_body, content_range)
            else:
                self._send(200, data, "application/octet-stream", with_body)

        def _send(
            self, status: int, data: bytes, kind: str, with_body: bool, content_range: str = ""
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            if content_range:
                self.send_header("Content-Range", content_range)
            self.end_headers()
            if said.breaks and with_body:
                said.breaks -= 1
                data = data[: said.breaks_after]
                self.close_connection = True
            if with_body:
                self._write(data)

        def _write(self, data: bytes) -> None:
            with contextlib.suppress(ConnectionError):
                if said.holds is not None:
                    self.wfile.write(data[: said.breaks_after])
                    data = data[said.breaks_after :]
                    said.holds.wait(_LONGEST_S)
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Heard:
    """The messages of a fetch."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.done: list[int] = []

    def begin(self, what: str, total: int, done: int = 0) -> None:
        self.done.append(done)

    def at(self, done: int) -> None:
        self.done.append(done)

    def end(self) -> None:
        pass

    def say(self, line: str) -> None:
        self.lines.append(line)
