"""The folder of an engine is private to the user, and no link in it is followed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from dgls.client import EngineClient
from dgls.client.connection import Connection, ConnectionLostError
from dgls.client.launch import launch
from dgls.client.stop import stop
from dgls.config import Settings, changed
from dgls.errors import EngineUnavailableError, SettingError
from dgls.file_lock import FileLock, is_held, owner
from dgls.files import open_own
from dgls.rendezvous.endpoint import Address, Endpoint, PortAddress, UnixAddress, endpoint_of
from dgls.rendezvous.peer import Peer, is_foreign, listener_of, peer_of
from dgls.rendezvous.runtime_folder import check_private, make_private, runtime_folder
from tests.support.served import ServedEngine

OTHER_USER = 12_345


def settings_in(folder: Path | str) -> Settings:
    return changed(Settings(), {"engine.folder": str(folder), "engine.start_seconds": 0.3})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "e"
    make_private(made)
    return made


@pytest.mark.parametrize(
    "name", ["run", "./run", "../run", "run/deep", " ", ".", "~nobody-here/run"]
)
def test_a_relative_folder_is_one_clear_error(name: str) -> None:
    with pytest.raises(SettingError, match=r"'engine\.folder' must be an absolute path"):
        runtime_folder(settings_in(name))


def test_a_home_folder_may_be_written_as_a_tilde() -> None:
    assert runtime_folder(settings_in("~/run")) == Path.home() / "run"


def test_a_system_without_a_private_folder_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*args: object, **options: object) -> str:
        raise PermissionError("runtime directory is a symlink")

    monkeypatch.setattr("platformdirs.user_runtime_dir", refuse)
    with pytest.raises(EngineUnavailableError, match="XDG_RUNTIME_DIR"):
        runtime_folder(Settings())


@pytest.mark.parametrize("mode", [0o770, 0o757, 0o777])
def test_a_parent_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    parent = tmp_path / "shared"
    make_private(parent / "deep" / "e")
    parent.chmod(mode)
    with pytest.raises(EngineUnavailableError, match="can be written by other users"):
        check_private(parent / "deep" / "e")
    # A folder whose files others cannot rename is safe, such as /tmp.
    parent.chmod(0o1777)
    check_private(parent / "deep" / "e")


@pytest.mark.parametrize("kind", ["file", "link", "loop", "pipe"])
def test_a_path_that_is_not_a_folder_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "e"
    if kind == "file":
        path.touch()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path if kind == "link" else path)
    with pytest.raises(EngineUnavailableError, match="not a folder"):
        check_private(path)
    with pytest.raises(EngineUnavailableError, match=r"not a folder|cannot be created"):
        make_private(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_folder_or_parent_of_another_user_is_refused(tmp_path: Path, depth: int) -> None:
    made = tmp_path / "a" / "b"
    make_private(made)
    os.chown((made, *made.parents)[depth], OTHER_USER, -1)
    if depth == 2:
        os.chown(tmp_path, OTHER_USER, -1)
    with pytest.raises(EngineUnavailableError, match="other user"):
        check_private(made)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link away")
def test_a_link_of_another_user_in_the_path_is_refused(tmp_path: Path) -> None:
    make_private(tmp_path / "real" / "e")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    check_private(link / "e")
    os.chown(link, OTHER_USER, -1, follow_symlinks=False)
    with pytest.raises(EngineUnavailableError, match="another user"):
        check_private(link / "e")


@pytest.mark.parametrize("target", ["{base}/between/link", "between/link", "real/../between/link"])
def test_a_link_through_another_users_folder_is_refused(tmp_path: Path, target: str) -> None:
    """Where somebody else can write, the next link on the way can be replaced."""
    make_private(tmp_path / "real" / "e")
    between = tmp_path / "between"
    between.mkdir()
    (between / "link").symlink_to(tmp_path / "real")
    (tmp_path / "own").symlink_to(target.format(base=tmp_path))
    check_private(tmp_path / "own" / "e")
    between.chmod(0o777)
    with pytest.raises(EngineUnavailableError, match="can be written by other users"):
        check_private(tmp_path / "own" / "e")
    between.chmod(0o1777)
    check_private(tmp_path / "own" / "e")
    if os.geteuid() == 0:
        os.chown(between / "link", OTHER_USER, -1, follow_symlinks=False)
        with pytest.raises(EngineUnavailableError, match="another user"):
            check_private(tmp_path / "own" / "e")


async def test_the_folder_is_checked_before_each_connection(folder: Path) -> None:
    server = await asyncio.start_unix_server(lambda *_: None, str(folder / "s"))
    (await Connection.open(UnixAddress(folder / "s"))).abort()
    folder.chmod(0o755)
    with pytest.raises(EngineUnavailableError, match="open to other users"):
        await Connection.open(UnixAddress(folder / "s"))
    server.close()


async def test_nothing_is_sent_to_a_socket_of_another_user(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())
        writer.close()

    server = await asyncio.start_unix_server(listen, str(folder / "s"))
    monkeypatch.setattr("dgls.client.connection.peer_of", lambda _: Peer(os.getuid() + 1))
    with pytest.raises(EngineUnavailableError, match="Another user's program"):
        await Connection.open(UnixAddress(folder / "s"))
    async with asyncio.timeout(5):
        while not heard:
            await asyncio.sleep(0.01)
    assert heard == [b""]
    server.close()


def as_other_user(work: Callable[[], object]) -> int:
    """A new process of another user, which works and waits to be killed."""
    if (pid := os.fork()) == 0:
        try:
            os.setuid(OTHER_USER)
            kept = work()
            signal.pause()
            del kept
        finally:
            os._exit(1)
    return pid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("kind", ["socket", "port"])
async def test_nothing_is_sent_to_a_listener_run_by_another_user(folder: Path, kind: str) -> None:
    with socket.socket(socket.AF_UNIX if kind == "socket" else socket.AF_INET) as listener:
        listener.bind(str(folder / "s") if kind == "socket" else ("127.0.0.1", 0))
        address: Address = UnixAddress(folder / "s")
        if kind == "port":
            address = PortAddress(listener.getsockname()[1], "token")
            # The port's owner shows by its creator.
            listener.close()

        def listen() -> object:
            if isinstance(address, UnixAddress):
                return listener.listen()
            own = socket.socket()
            own.bind(("127.0.0.1", address.port))
            own.listen()
            return own

        pid = as_other_user(listen)
        try:
            async with asyncio.timeout(20):
                while True:
                    try:
                        with pytest.raises(EngineUnavailableError, match="Another user's program"):
                            (await Connection.open(address)).abort()
                        break
                    except ConnectionLostError:
                        await asyncio.sleep(0.02)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_an_engine_answers_no_other_user_who_can_open_its_socket() -> None:
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        path = f"{name}/s"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        os.chmod(path, 0o666)
        engine = ServedEngine(listener)
        engine.ready()
        async with asyncio.timeout(20):
            while not engine.server.started:
                await asyncio.sleep(0.01)
        got, said = os.pipe()

        def ask() -> None:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(20)
                client.connect(path)
                with contextlib.suppress(OSError):
                    client.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
                    os.write(said, client.recv(1000))
                os.write(said, b"end")

        pid = as_other_user(ask)
        try:
            async with asyncio.timeout(20):
                assert await asyncio.to_thread(os.read, got, 1000) == b"end"
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(got)
            os.close(said)
        async with httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(verify=False, uds=path), base_url="http://x"
        ) as own:
            assert (await own.get("/health")).status_code == 200
        await engine.end()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
async def test_a_lock_of_another_user_does_not_count_as_an_engine(folder: Path) -> None:
    """As `sudo dgls` may leave one."""
    endpoint = endpoint_of(settings_in(folder))
    endpoint.lock.touch()
    os.chown(endpoint.lock, OTHER_USER, -1)
    assert not is_held(endpoint.lock)
    assert not await stop(endpoint)
    async with EngineClient(settings_in(folder)) as client:
        with pytest.raises(EngineUnavailableError, match="another user's file"):
            await client.wait_ready()
    assert endpoint.lock.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
def test_the_system_reports_the_listening_user(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(folder / "s"))
        server.listen()
        client.connect(str(folder / "s"))
        peer = peer_of(client)
    assert peer == Peer(os.getuid(), os.getpid())
    assert not is_foreign(peer)
    assert is_foreign(Peer(os.getuid() + 1))
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        assert listener_of(tcp.getsockname()[1]) == Peer(os.getuid())


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "folder"])
@pytest.mark.parametrize("which", ["lock", "log", "port", "socket"])
async def test_links_in_the_folder_are_never_followed(
    folder: Path, tmp_path: Path, kind: str, which: str
) -> None:
    treasure = tmp_path / "treasure"
    treasure.write_text("gold" * 300_000)
    endpoint = endpoint_of(settings_in(folder))
    path = getattr(endpoint, which)
    if kind == "link":
        path.symlink_to(treasure)
    elif kind == "hard link":
        path.hardlink_to(treasure)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    async with asyncio.timeout(5):
        if which == "socket":
            assert endpoint.address() is None
        else:
            with pytest.raises(OSError, match="another user's file"):
                open_own(path, os.O_RDWR | os.O_CREAT)
    if which in {"lock", "log"}:
        with pytest.raises(EngineUnavailableError, match="another user's file"):
            launch(endpoint, settings_in(folder))
    assert treasure.read_text() == "gold" * 300_000
    assert which == "lock" or not is_held(endpoint.lock)


ENGINE = "engine-0123456789ab"
# The process that the number in a held lock belongs to; the words come last on its command line.
INNOCENT = {
    "a program": (),
    "an engine of another folder": ("-m", "dgls.engine.process", f"--name={ENGINE}"),
    "an engine of another name": ("-m", "dgls.engine.process", "--name=engine-other"),
    "another program with the words of dgls": ("dgls", "serve"),
}


@pytest.mark.parametrize("kind", INNOCENT)
async def test_stop_kills_only_processes_known_to_be_engines(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("dgls.client.stop._PATIENCE_S", 0.1)
    endpoint = Endpoint(folder, ENGINE)
    program = (sys.executable, "-c", "import time; time.sleep(60)")
    innocent = subprocess.Popen([*program, *INNOCENT[kind]])
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    lock = FileLock.acquire(endpoint.lock)
    assert lock is not None
    number = str(innocent.pid)
    texts = [number, f" {number}", f"+{number}", f"{number}\n1", str(ended.pid), str(os.getpid())]
    try:
        for text in (*texts, "0", "-1", "1", "", "x", "1.5", "0x1", "9" * 50):
            endpoint.lock.write_text(text)
            with pytest.raises(EngineUnavailableError, match="left alone"):
                await stop(endpoint)
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()
        lock.release()


@pytest.mark.parametrize("text", ["", "x", "9" * 1000, "\x00"])
def test_a_lock_without_a_process_id_has_no_owner(folder: Path, text: str) -> None:
    (folder / "lock").write_text(text)
    assert owner(folder / "lock") is None or text.isdigit()
