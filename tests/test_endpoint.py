"""Where an engine is found: its lock, folder and address, and what makes it another engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dgls.client import EngineClient
from dgls.config import Settings, changed
from dgls.errors import EngineUnavailableError
from dgls.file_lock import FileLock, is_held, owner
from dgls.files import write_private
from dgls.rendezvous.endpoint import absolute, endpoint_of
from dgls.rendezvous.runtime_folder import make_private
from tests.support.fake_engine import settings_in


def test_a_lock_has_one_holder_and_leaves_no_file(folder: Path) -> None:
    path = folder / "lock"
    assert not is_held(path)
    assert not path.exists()
    lock = FileLock.acquire(path)
    assert lock is not None
    assert FileLock.acquire(path) is None
    assert is_held(path)
    assert owner(path) is None
    lock.write_owner()
    assert owner(path) == os.getpid()
    lock.release()
    assert not is_held(path)
    assert not path.exists()


def test_a_lock_whose_file_was_replaced_keeps_the_new_one(folder: Path) -> None:
    path = folder / "lock"
    old = FileLock.acquire(path)
    path.unlink()
    new = FileLock.acquire(path)
    assert old is not None
    assert new is not None
    old.release()
    assert is_held(path)
    new.release()


def test_an_inherited_lock_lives_as_long_as_the_child(folder: Path) -> None:
    path = folder / "lock"
    lock = FileLock.acquire(path)
    assert lock is not None
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock.descriptor,)
    ) as child:
        lock.hand_over()
        assert is_held(path)
        child.kill()
    assert not is_held(path)


@pytest.mark.parametrize(
    ("values", "is_other"),
    [
        ({"model.name": "x"}, True),
        ({"model.device": "cuda"}, True),
        ({"model.threads": 3}, True),
        ({"engine.backend": "a:b"}, True),
        ({"engine.idle_seconds": 3}, False),
        ({"fill.candidates": 3}, False),
        ({"show.threshold": 0.9}, False),
    ],
)
def test_settings_that_need_another_engine(
    folder: Path, values: dict[str, object], is_other: bool
) -> None:
    here = endpoint_of(settings_in(folder))
    assert (endpoint_of(settings_in(folder, **values)) != here) is is_other


@pytest.mark.parametrize(
    ("file", "named"), [("model.safetensors", "."), ("model.gguf", "model.gguf")]
)
def test_new_weights_need_another_engine(folder: Path, file: str, named: str) -> None:
    weights = folder / file
    weights.touch()
    settings = settings_in(folder, **{"model.name": str(folder / named)})
    before = endpoint_of(settings)
    assert endpoint_of(settings) == before
    os.utime(weights, ns=(1, 1))
    assert endpoint_of(settings) != before


def test_an_engine_elsewhere_gets_absolute_folders(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "embedded").mkdir()
    (folder / "mine").mkdir()
    monkeypatch.chdir(folder)
    expected = {
        "./mine": str(folder / "mine"),
        "./missing": str(folder / "missing"),
        "embedded": "embedded",
        "google/name": "google/name",
    }
    for name, full in expected.items():
        assert absolute(changed(Settings(), {"model.name": name})).model.name == full


def test_a_folder_that_others_can_open_is_refused(folder: Path) -> None:
    make_private(folder)
    make_private(folder / "new" / "deep")
    for mode in (0o755, 0o701, 0o777):
        folder.chmod(mode)
        with pytest.raises(EngineUnavailableError, match="open to other users"):
            make_private(folder)
    link = folder / "link"
    link.symlink_to(folder / "new")
    with pytest.raises(EngineUnavailableError, match="a file or a link, not a folder"):
        make_private(link)
    (folder / "file").touch()
    with pytest.raises(EngineUnavailableError, match="cannot be created"):
        make_private(folder / "file" / "below")


async def test_no_engine_is_started_in_a_folder_that_others_can_open(folder: Path) -> None:
    folder.chmod(0o755)
    async with EngineClient(settings_in(folder)) as client:
        with pytest.raises(EngineUnavailableError, match="open to other users"):
            await client.wait_ready()
    assert list(folder.iterdir()) == []


def test_a_private_file_is_complete_and_private_to_the_user(folder: Path) -> None:
    path = folder / "port"
    for text in ("first", "second é"):
        write_private(path, text)
        assert path.read_text(encoding="utf-8") == text
        assert path.stat().st_mode & 0o777 == 0o600
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "{}", "[]", "3", '{"port": "x", "token": "t"}', "\x00"])
def test_an_invalid_port_file_has_no_address(folder: Path, text: str) -> None:
    settings = settings_in(folder / ("d" * 100))
    endpoint = endpoint_of(settings)
    assert not endpoint.has_unix_socket
    assert endpoint.address() is None
    make_private(endpoint.folder)
    endpoint.port.write_text(text)
    assert endpoint.address() is None
