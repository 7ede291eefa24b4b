"""`dgls train --recipe canvas`: from source folders to an adapter, and what stops it."""

from __future__ import annotations

import multiprocessing
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dgls.checkpoint.adapter import load_adapter
from dgls.checkpoint.named import resolved
from dgls.cli.app import run_app
from dgls.file_lock import FileLock
from dgls.lab.training.parallel.run import train
from tests.lab.training.parallel.test_run import run_in
from tests.support.qwen2 import write_gguf


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("base") / "tiny.gguf")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two languages, four files each, no line repeated."""
    python = "def function{0}(width):\n    return width + offset{0}\n"
    rust = "fn function{0}(width: Length) -> Length {{\n    width + offset{0}\n}}\n"
    for number in range(4):
        folder = tmp_path / "source" / f"part{number}"
        folder.mkdir(parents=True)
        names = [f"{number}_{index}" for index in range(60)]
        (folder / "a.py").write_text("\n".join(map(python.format, names)))
        (folder / "b.rs").write_text("\n".join(map(rust.format, names)))
    return tmp_path / "source"


def arguments(base: object, source: Path, folder: Path, *more: str) -> list[str]:
    told = ["train", "--recipe", "canvas", "--base", str(base), "--source", str(source)]
    return [*told, "--folder", str(folder), "--steps", "1", "--threads", "1", *more]


def test_a_folder_of_sources_becomes_an_adapter_for_the_base(
    base: Path, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app(arguments(base, source, tmp_path / "run")) == 0
    said = capsys.readouterr().out
    assert "python: 3 files, 1 held out" in said
    assert "rust: 3 files, 1 held out" in said
    assert "held out: 1." in said
    made = tmp_path / "run" / "checkpoint" / "adapter.safetensors"
    assert load_adapter(made, resolved(str(base)).identity).figures["step"] == 1


def test_the_same_command_resumes_the_run(
    base: Path, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = arguments(base, source, tmp_path / "run")
    assert run_app(command) == 0
    capsys.readouterr()
    assert run_app([*command, "--steps", "2"]) == 0
    said = capsys.readouterr().out
    assert "going on from step 1" in said
    assert "2 steps in" in said
    assert "Cutting gaps" not in said


def test_a_killed_run_leaves_a_save_to_resume_from(tmp_path: Path) -> None:
    child = multiprocessing.get_context("fork").Process(target=_train_for_ever, args=(tmp_path,))
    child.start()
    try:
        _wait_until(lambda: (tmp_path / "told").is_file() and _told(tmp_path) >= 3)
    finally:
        child.kill()
        child.join(30)
    assert child.exitcode == -signal.SIGKILL
    least = _told(tmp_path)
    said: list[str] = []
    train(replace(run_in(tmp_path, steps=least + 3), report=said.append))
    went_on = next(line for line in said if line.startswith("going on from step"))
    assert int(went_on.split()[-1]) >= least


def _train_for_ever(folder: Path) -> None:
    def told(line: str) -> None:
        if line.startswith("saved at step"):
            (folder / "told").write_text(line.split()[-1])

    run = run_in(folder, steps=1_000_000)
    train(replace(run, report=told, settings=replace(run.settings, save=0.0)))


def _told(folder: Path) -> int:
    return int((folder / "told").read_text() or 0)


def _wait_until(there: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_full_disk_is_one_sentence_and_keeps_the_previous_save(tmp_path: Path) -> None:
    train(run_in(tmp_path, steps=1))
    before = (tmp_path / "state" / "weights.safetensors").read_bytes()
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_train_without_room, args=(tmp_path, theirs))
    child.start()
    assert ours.poll(60)
    said = ours.recv()
    child.join(30)
    assert said.startswith(f"Nothing more could be written in {tmp_path}")
    assert "the save before is untouched" in said
    assert (tmp_path / "state" / "weights.safetensors").read_bytes() == before


def _train_without_room(folder: Path, pipe) -> None:  # type: ignore[no-untyped-def]
    # A limit on file sizes simulates a full disk: writing fails at the same place.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
    try:
        train(run_in(folder, steps=3))
    except Exception as error:
        pipe.send(str(error))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("missing base", "There is no file"),
        ("base not fetched", "dgls model get qwen2.5-coder-0.5b-instruct"),
        ("no base", "needs a --base"),
        ("base for another recipe", "takes no --base"),
        ("embedded", "the recipe canvas needs"),
        ("missing source", "is not a folder"),
        ("empty source", "No source worth training on was found"),
        ("folder is a file", "Nothing more could be written in"),
        ("another run", "Another run is training in"),
        ("spoilt save", "cannot be read"),
        ("other source", "started with other source folders"),
        ("missing start", "There is no adapter at"),
    ],
)
def test_bad_input_is_one_sentence(
    spoil: str,
    reason: str,
    base: Path,
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, empty = tmp_path / "run", tmp_path / "empty"
    empty.mkdir()
    command = arguments(base, source, folder)
    lock = None
    match spoil:
        case "missing base":
            command = arguments(tmp_path / "no.gguf", source, folder)
        case "base not fetched":
            monkeypatch.setenv("DGLS_MODELS", str(empty))
            command = arguments("qwen2.5-coder-0.5b-instruct", source, folder)
        case "no base":
            command = ["train", "--recipe", "canvas"]
        case "base for another recipe":
            command = ["train", "--recipe", "toy", "--base", str(base)]
        case "embedded":
            command = arguments("embedded", source, folder)
        case "missing source":
            command = arguments(base, tmp_path / "nowhere", folder)
        case "empty source":
            command = arguments(base, empty, folder)
        case "folder is a file":
            folder.write_text("")
        case "another run":
            folder.mkdir()
            lock = FileLock.acquire(folder / "run.lock")
        case "spoilt save":
            assert run_app(command) == 0
            (folder / "state" / "weights.safetensors").write_bytes(b"")
        case "other source":
            assert run_app(command) == 0
            command = arguments(base, source / "part0", folder)
        case "missing start":
            command += ["--from", str(tmp_path / "no.safetensors")]
    status = run_app(command)
    if lock is not None:
        lock.release()
    said = capsys.readouterr().err
    assert status not in (0, 70)
    assert said.startswith("dgls: ")
    assert said.count("\n") == 1
    assert reason in said
