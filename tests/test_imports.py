"""Code of a workspace is never run: every place from which Python might import has a canary."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dgls.client import EngineClient
from dgls.client.stop import stop
from dgls.config import Settings, changed
from dgls.imports import only_installed_code, safe_environment
from dgls.protocol import FillRequest
from dgls.rendezvous.endpoint import endpoints
from tests.support.engines import ROOT, engine_settings

# What dgls, Python at its start, and the libraries below them import.
NAMES = ("torch", "json", "asyncio", "pygls", "lsprotocol", "h11", "platformdirs", "tree_sitter")
NAMES = (*NAMES, "typer", "uvicorn", "starlette", "tomllib", "hashlib", "usercustomize", "tests")


@pytest.fixture
async def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """A repository as the working folder, in which every import leaves a trace."""
    repository = tmp_path / "repository"
    bait = f"open({str(tmp_path / 'sung')!r}, 'a').write(__name__ + '\\n')\n"
    places = (".", "src", ".venv/lib/python3.11/site-packages", "venv/lib/python3.11/site-packages")
    for place in places:
        folder = repository / place
        folder.mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            (folder / f"{name}.py").write_text(bait)
        (folder / "evil.pth").write_text(f"import os; {bait}")
    (repository / ".git").mkdir()
    (repository / ".venv/pyvenv.cfg").write_text("home = /usr/bin\n")
    monkeypatch.chdir(repository)
    yield tmp_path
    for endpoint in endpoints(changed(Settings(), {"engine.folder": str(tmp_path / "e")})):
        await stop(endpoint)


PATHS = [".", "", "src", "{repository}", "{repository}/src", ".:{repository}/src", "./.venv/lib"]


@pytest.mark.parametrize("python_path", PATHS)
def test_nothing_is_imported_from_a_project(
    hostile: Path, monkeypatch: pytest.MonkeyPatch, python_path: str
) -> None:
    repository = Path.cwd()
    said = python_path.format(repository=repository)
    monkeypatch.setenv("PYTHONPATH", said)
    monkeypatch.setenv("PYTHONSTARTUP", "evil.py")
    monkeypatch.setenv("PYTHONWARNINGS", "error::torch.Evil")
    found = {name: value for name, value in safe_environment().items() if name[:6] == "PYTHON"}
    assert found == {"PYTHONPATH": str(ROOT)}

    monkeypatch.setattr(sys, "path", [*map(os.path.abspath, said.split(":")), "", *sys.path])
    only_installed_code()
    assert not any(Path(folder).is_relative_to(repository) for folder in sys.path)
    assert str(repository) not in map(os.path.abspath, sys.path)
    assert str(ROOT) in sys.path


def test_the_users_own_folder_stays_on_the_path(
    hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (hostile / "mine").mkdir()
    monkeypatch.setenv("PYTHONPATH", f"{hostile / 'mine'}{os.pathsep}.")
    assert safe_environment()["PYTHONPATH"] == f"{hostile / 'mine'}{os.pathsep}{ROOT}"


@pytest.mark.slow
@pytest.mark.parametrize("python_path", [".", "{repository}/src"])
async def test_neither_the_server_nor_its_engine_imports_a_canary(
    hostile: Path, monkeypatch: pytest.MonkeyPatch, python_path: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", python_path.format(repository=Path.cwd()))
    asked = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}
    body = json.dumps(asked).encode()
    # As in an installed `dgls`: Python first searches the script's folder, then PYTHONPATH.
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from dgls.cli.main import main; main()"
    )
    environment = {**os.environ, "DGLS_ENGINE_FOLDER": str(hostile / "e")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, "lsp"],
        input=b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
        env=environment,
        capture_output=True,
        timeout=60,
    )
    assert b'"serverInfo"' in done.stdout, done.stderr
    settings = engine_settings(hostile / "e")
    async with EngineClient(settings) as client:
        assert (await client.fill(FillRequest(("x = ", ""), path="a.py"))).model == "scripted"
    assert not (hostile / "sung").exists()


def test_an_engine_starts_from_a_deleted_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, kept = tmp_path / "gone", tmp_path / "kept"
    gone.mkdir()
    kept.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("PYTHONPATH", str(kept))
    assert str(kept) in safe_environment()["PYTHONPATH"].split(os.pathsep)
