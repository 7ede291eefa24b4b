"""`dgls editor`: what it writes into users' files, what it refuses, and the test of the setup."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dgls.checkpoint import automatic_model
from dgls.cli.editor import _say_checked
from dgls.cli.main import run
from dgls.config import resolve
from dgls.editors import check, places
from dgls.editors.guides import EDITORS, guide
from dgls.errors import EngineUnavailableError, InputError
from tests.editors.home import BY_HEART, START, engine_environment, own_home
from tests.support.programs import script

pytestmark = pytest.mark.usefixtures("home")

FILES = [editor for editor in EDITORS if editor != "vscode"]


@pytest.mark.parametrize("editor", EDITORS)
def test_each_editors_guide_says_what_to_write_and_which_key_accepts(
    editor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["editor", editor]) == 0
    shown = capsys.readouterr()
    assert "dgls" in shown.out
    assert "accept" in shown.err


@pytest.mark.parametrize("editor", FILES)
def test_writing_twice_changes_nothing_the_second_time(
    editor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = guide(editor).file
    assert file is not None
    assert run(["editor", editor, "--write"]) == 0
    first = file.read_bytes()
    assert run(["editor", editor, "--write"]) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert file.read_bytes() == first
    assert [path.name for path in file.parent.iterdir()] == [file.name], (
        "no backup of a missing file"
    )


def test_the_old_file_is_kept_as_a_backup_with_its_mode(home: Path) -> None:
    file = home / ".emacs"
    file.write_text("(setq x 1)\n")
    file.chmod(0o600)
    assert run(["editor", "emacs", "--write"]) == 0
    (backup,) = home.glob(".emacs.*.bak")
    assert backup.read_text() == "(setq x 1)\n"
    assert file.read_text().startswith("(setq x 1)\n")
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name == "nt", reason="Windows has no HOME")
@pytest.mark.parametrize("told", ["", "relative"])
def test_a_home_that_is_not_a_folder_is_refused(
    told: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setenv("HOME", told)
    with pytest.raises(InputError, match="nothing was changed"):
        places.emacs()
    assert not list(home.iterdir())


def test_a_relative_folder_of_configuration_is_ignored(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert places.config_home() == home / ".config"


def test_a_link_stays_a_link(home: Path) -> None:
    kept = home / "dotfiles" / "emacs.el"
    kept.parent.mkdir()
    kept.write_text("")
    (home / ".emacs").symlink_to(kept)
    assert run(["editor", "emacs", "--write"]) == 0
    assert (home / ".emacs").is_symlink()
    assert "dgls" in kept.read_text()


REFUSED = [
    ("neovim", "require('mine')\n", "not written by dgls"),
    ("emacs", "(require 'dgls)\n", "already"),
    ("emacs", ";; dgls: begin\n(x)\n", "without"),
    ("helix", "language-server = [\n", "not TOML"),
    ("emacs", "(use-package dgls :ensure nil)\n", "already has (use-package dgls outside"),
    ("helix", "language-servers = 1]\n", "not TOML"),
    ("zed", "// mine\n{,}\n", "not JSON"),
    ("zed", '{"edit_predictions": {"provider": "copilot"}}', "copilot"),
    ("kate", '{"servers": {"python": {"command": ["pylsp"]}}}', "pylsp"),
    ("sublime", "[]\n", "not hold a JSON object"),
]


@pytest.mark.parametrize(("editor", "text", "why"), REFUSED)
def test_a_file_that_cannot_be_parsed_is_left_unchanged(
    editor: str, text: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = guide(editor).file
    assert file is not None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    assert run(["editor", editor, "--write"]) == 2
    shown = capsys.readouterr().err
    assert why in shown
    assert "was not changed" in shown
    assert file.read_text() == text


@pytest.mark.parametrize("path", ["neovim/lua/dgls/init.lua", "emacs/dgls.el"])
def test_files_named_in_configurations_are_shipped(path: str) -> None:
    assert places.shipped(path).is_file()


@pytest.mark.parametrize("found", [(), ("a model",)])
def test_a_laptop_model_is_offered_if_there_is_none(
    monkeypatch: pytest.MonkeyPatch, found: tuple[str, ...]
) -> None:
    monkeypatch.setattr(automatic_model, "present", lambda: found)
    assert ("dgls model get" in automatic_model.offer()) is not bool(found)
    assert found or "(491 MB)" in automatic_model.offer()


def test_the_next_commands_are_shown_with_the_programs_path(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(automatic_model, "present", tuple)
    monkeypatch.setattr(places, "program", lambda: "/opt/dgls/bin/dgls")
    assert run(["editor", "neovim"]) == 0
    said = capsys.readouterr().err
    assert "(/opt/dgls/bin/dgls editor neovim --write" in said
    assert ": /opt/dgls/bin/dgls model get " in said


def checked(home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """`dgls editor neovim --check` with this checkout's `dgls` on the PATH."""
    environment = own_home(home, {**engine_environment(home / "e"), **settings})
    return subprocess.run(
        [sys.executable, "-c", START, "editor", "neovim", "--check", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_a_try_out_starts_the_server_and_gets_a_suggestion(home: Path) -> None:
    done = checked(home, **BY_HEART, DGLS_ENGINE_IDLE_SECONDS="1")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["check"]
    assert found["command"] == "dgls lsp"
    assert found["text"]
    assert 0 < found["server_ms"] < 60_000


def test_a_try_out_says_what_is_wrong(home: Path) -> None:
    done = checked(home, DGLS_MODEL_NAME=str(home / "nothing"))
    assert done.returncode == 7
    assert "nothing" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_program_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(places, "program", lambda: str(home / "no-dgls"))
    assert run(["editor", "helix", "--check"]) == 7
    assert "no-dgls" in capsys.readouterr().err


def test_written_files_are_reported_even_if_the_check_fails(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(places, "program", lambda: str(home / "no-dgls"))
    assert run(["editor", "helix", "--write", "--check"]) == 7
    assert "languages.toml." in capsys.readouterr().out


def test_a_long_load_is_waited_for_and_reported_in_tens_of_percent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(check, "_ANSWER_S", 0.5)
    said: list[str] = []

    async def load() -> None:
        heard = check._Heard(said.append)
        waiting = asyncio.create_task(heard.settled())
        for percent in range(0, 100, 4):
            heard.take("dgls/status", {"state": "loading", "message": "m", "percent": percent})
            await asyncio.sleep(0.02)
        assert not waiting.done()
        heard.take("dgls/status", {"state": "ready", "line": "a model"})
        await waiting

    asyncio.run(load())
    assert said == [f"m ({tens} %)" for tens in range(0, 100, 10)]


def test_the_check_gives_up_on_a_model_without_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_ANSWER_S", 0.01)
    with pytest.raises(EngineUnavailableError, match="dgls doctor"):
        asyncio.run(check._Heard(print).settled())


def test_zed_without_an_engine_at_its_port_says_what_to_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dgls.editors.check.COMPLETIONS_URL", "http://127.0.0.1:9/v1/completions")
    assert run(["editor", "zed", "--check"]) == 7
    assert "dgls serve --port" in capsys.readouterr().err


def test_an_editor_that_is_too_old_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script(home, "nvim", "echo NVIM v0.10.4", monkeypatch)
    assert run(["editor", "neovim", "--check"]) == 2
    assert "0.12 or newer" in capsys.readouterr().err


def test_writing_for_an_old_editor_warns(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script(home, "nvim", "echo NVIM v0.10.4", monkeypatch)
    assert run(["editor", "neovim", "--write"]) == 0
    assert "Neovim 0.10.4 cannot show" in capsys.readouterr().err
    script(home, "nvim", "echo NVIM v0.12.4", monkeypatch)
    assert run(["editor", "neovim", "--write"]) == 0
    assert "cannot show" not in capsys.readouterr().err


@pytest.mark.parametrize(("version", "said"), [("", True), ("0.12.4", False)])
def test_an_editor_missing_from_the_path_is_reported(
    version: str, said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    checked = check.Checked("dgls lsp", 1.0, 2.0, "x", "m", version)
    _say_checked(guide("neovim"), checked)
    assert ("nvim is not on the PATH" in capsys.readouterr().err) is said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[show]\nthreshhold = 0.5\n", "did you mean 'show.threshold'"),
        ("[show]\nthreshold = 7\n", "'show.threshold'"),
        ("[show\n", "dgls.toml"),
        ("[show]\nthreshold = 0.5\n", ""),
    ],
)
def test_the_try_out_reports_bad_settings_like_the_server(
    text: str,
    said: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (home / "work").mkdir()
    monkeypatch.chdir(home / "work")
    (home / "work/dgls.toml").write_text(text)
    monkeypatch.setattr("dgls.cli.editor._check", lambda found: None)
    run(["editor", "neovim", "--check"])
    shown = capsys.readouterr().err
    messages = resolve(home / "work").messages
    assert all(f"dgls: {message}\n" in shown for message in messages)
    assert bool(messages) == bool(said)
    assert said.lower() in shown.lower()
    run(["editor", "neovim", "--check", "--json"])
    assert json.loads(capsys.readouterr().out)["settings"] == list(messages)
