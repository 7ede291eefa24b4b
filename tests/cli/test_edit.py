"""`dgls edit` as a user runs it: its output, the files it writes, and refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import dgls.cli.edit
from dgls.checkpoint import edit_model
from dgls.cli.app import run_app
from dgls.config import Settings
from dgls.protocol import FillReply, FillRequest
from tests.support.backends import edited_reply

SOURCE = "class A:\n    def f(self):\n        return 1\n\n\nlast = 3\n"
AFTER = SOURCE.replace("return 1", "return 2")

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one file in which the commands are run, and a model that edits."""
    for name in [name for name in os.environ if name.startswith("DGLS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("DGLS_ENGINE_FOLDER", str(tmp_path / "e"))
    monkeypatch.setenv("DGLS_EDITS_MODEL", "embedded")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (work / "a.py").write_text(SOURCE)
    answering(monkeypatch, edited_reply)
    return work


def answering(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[FillRequest], FillReply]
) -> list[FillRequest]:
    """Let a function answer instead of the engine, and record the requests."""
    asked: list[FillRequest] = []

    async def ask(settings: Settings, request: FillRequest) -> FillReply:
        asked.append(request)
        return answer(request)

    monkeypatch.setattr(dgls.cli.edit, "ask", ask)
    return asked


ONE_BY_TWO = "replace return 1 by return 2"
DIFF = (
    "--- a/a.py\n+++ b/a.py\n@@ -1,6 +1,6 @@\n class A:\n     def f(self):\n"
    "-        return 1\n+        return 2\n \n \n last = 3\n"
)


@pytest.mark.parametrize("flags", [[], ["--diff"]])
def test_it_prints_the_difference_and_leaves_the_file(
    place: Path, capfd: Capture, flags: list[str]
) -> None:
    assert run_app(["edit", "a.py:2-3", ONE_BY_TWO, *flags]) == 0
    assert capfd.readouterr().out == DIFF
    assert (place / "a.py").read_text() == SOURCE


def test_patch_reads_the_difference(place: Path, capfd: Capture) -> None:
    (place / "a.py").write_text(SOURCE.removesuffix("\n"))
    assert run_app(["edit", "a.py:6", "replace last = 3 by last = 4"]) == 0
    given = capfd.readouterr().out
    assert "\\ No newline at end of file" in given
    subprocess.run(["patch", "-p1"], input=given, text=True, check=True, cwd=place)
    assert (place / "a.py").read_text() == SOURCE.replace("= 3\n", "= 4")


@pytest.mark.parametrize(
    "before",
    [SOURCE.encode(), SOURCE.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + SOURCE.encode()],
    ids=["plain", "crlf", "byte order mark"],
)
def test_write_keeps_the_rest_of_the_file_and_its_mode(place: Path, before: bytes) -> None:
    path = place / "a.py"
    path.write_bytes(before)
    path.chmod(0o750)
    assert run_app(["edit", "a.py:2-3", ONE_BY_TWO, "--write"]) == 0
    assert path.read_bytes() == before.replace(b"return 1", b"return 2")
    assert path.stat().st_mode & 0o777 == 0o750
    assert [each.name for each in place.iterdir()] == ["a.py"]


def test_json_holds_everything(place: Path, capfd: Capture) -> None:
    assert run_app(["edit", "a.py:2-3", ONE_BY_TWO, "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["diff"] == DIFF
    assert told["edit"]["text"] == "def f(self):\n        return 2"
    assert (told["written"], told["model"], told["tokens"]) == (False, "scripted", 9)


def test_a_file_that_changed_meanwhile_is_not_written(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    def answer(request: FillRequest) -> FillReply:
        (place / "a.py").write_text("mine\n")
        return edited_reply(request)

    answering(monkeypatch, answer)
    assert run_app(["edit", "a.py:2-3", ONE_BY_TWO, "--write"]) == 3
    assert "Another program changed" in capfd.readouterr().err
    assert (place / "a.py").read_text() == "mine\n"


def test_a_refused_answer_changes_nothing(place: Path, capfd: Capture) -> None:
    assert run_app(["edit", "a.py:2-3", "replace return 1 by return (", "--write"]) == 10
    assert "it breaks the syntax" in capfd.readouterr().err
    assert (place / "a.py").read_text() == SOURCE


BAD = {
    "empty instruction": (["a.py:2-3", "  "], 2, "instruction is empty"),
    "instruction of 100 kB": (["a.py:2-3", "x" * 100_000], 2, "100000 characters"),
    "nothing selected": (["a.py:4-5", "x"], 2, "The selection has no code"),
    "outside of the file": (["a.py:6-60", "x"], 4, "Line 60 is outside"),
    "line 0": (["a.py:0-2", "x"], 4, "no line 0"),
    "backwards": (["a.py:3-2", "x"], 4, "end before they begin"),
    "no lines": (["a.py", "x"], 2, "not FILE:FROM-TO"),
    "words for lines": (["a.py:one-two", "x"], 2, "not FILE:FROM-TO"),
    "a huge number": (["a.py:1-" + "9" * 5000, "x"], 4, "outside the text"),
    "no file": (["b.py:1-2", "x"], 3, "no file"),
    "binary": (["binary.py:1", "x"], 3, "is binary"),
    "a secret": ([".env:1", "x", "--language", "python"], 2, "does not read"),
    "both": (["a.py:1", "x", "--diff", "--write"], 2, "not both"),
    "standard input": (["-:1", "x", "--write"], 2, "cannot write to standard input"),
    "too much code": (["long.py:1-900", "x"], 2, "Select less"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_sentence(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture, name: str
) -> None:
    asked = answering(monkeypatch, edited_reply)
    (place / "binary.py").write_bytes(b"\0\1")
    (place / ".env").write_text("a = 1\n")
    (place / "long.py").write_text("some_name = 1\n" * 900)
    arguments, status, words = BAD[name]
    assert run_app(["edit", *arguments]) == status
    said = capfd.readouterr()
    assert said.out == ""
    assert words in said.err
    assert said.err.count("\n") == 1
    assert asked == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_read_only_file_is_refused_before_the_model_runs(place: Path, capfd: Capture) -> None:
    (place / "a.py").chmod(0o444)
    assert run_app(["edit", "a.py:2-3", ONE_BY_TWO, "--write"]) == 3
    assert "is read-only" in capfd.readouterr().err


def test_without_a_capable_model_it_says_what_to_fetch(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    monkeypatch.delenv("DGLS_EDITS_MODEL")
    monkeypatch.setattr(edit_model, "present", lambda: ())
    assert run_app(["edit", "a.py:2-3", ONE_BY_TWO]) == 6
    assert "dgls model get qwen2.5-coder-1.5b-instruct (1.1 GB)" in capfd.readouterr().err


def test_it_asks_an_engine(tmp_path: Path) -> None:
    """The whole way, with a backend that edits."""
    path = tmp_path / "a.py"
    path.write_text(SOURCE)
    variables = {
        **os.environ,
        "DGLS_ENGINE_BACKEND": "tests.support.backends:editing",
        "DGLS_ENGINE_FOLDER": str(tmp_path / "e"),
        "DGLS_ENGINE_IDLE_SECONDS": "60",
    }
    command = [sys.executable, "-m", "dgls"]
    edit = [*command, "edit", f"{path}:2-3", ONE_BY_TWO, "--write"]
    try:
        done = subprocess.run(edit, env=variables, capture_output=True, text=True, timeout=120)
    finally:
        subprocess.run([*command, "serve", "--stop"], env=variables, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    assert path.read_text() == AFTER
