"""Every command with every kind of wrong argument: one clear sentence, never a traceback."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import torch

from dgls.cli.app import DIRECT, VERBS, run_app
from dgls.cli.lsp import run as run_lsp

INSIDE = "failed inside"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files of every wrong kind, in which the commands are run."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("DGLS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("DGLS_ENGINE_FOLDER", str(tmp_path / "e"))
    (tmp_path / "good.py").write_text("def f(a):\n    return a\n")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "binary.py").write_bytes(b"\0\1\2")
    (tmp_path / "latin.py").write_bytes(b"x = '\xe9'\n")
    (tmp_path / "text").write_text("not json\n")
    (tmp_path / "numbers").write_text("3\n[]\n{}\n")
    (tmp_path / "deep").write_text("[" * 100_000 + "\n")
    (tmp_path / "half.gz").write_bytes(gzip.compress(b"{}\n" * 1000)[:40])
    for name, fields in (TASKS | SESSIONS).items():
        (tmp_path / name).write_text(json.dumps(fields) + "\n")
    for kind, text in CASES.items():
        file = tmp_path / "cases" / kind / "a.toml"
        file.parent.mkdir(parents=True)
        file.mkdir() if text is None else file.write_text(text)
    for kind, data in EDITED.items():
        file = tmp_path / "sessions" / kind / "a.txt"
        file.parent.mkdir(parents=True)
        os.mkfifo(file) if data is None else file.write_bytes(data)
    with tarfile.open(tmp_path / "whole.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "good.py", "a/good.py")
    (tmp_path / "half.tar.gz").write_bytes((tmp_path / "whole.tar.gz").read_bytes()[:-30])
    (tmp_path / "odd.tar.xz").write_bytes(lzma.compress(b"x" * 10_000)[:-20] + b"y" * 20)
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    return tmp_path


TASK = dict.fromkeys(("task_id", "entry_point", "suffix", "canonical_solution", "test"), "x")
TASKS = {
    f"half a character in {name}": {**TASK, "prompt": "x", name: "\ud800"}
    for name in (*TASK, "prompt")
}
SESSION = {"name": "a.py", "before": "", "text": "x", "after": "", "delays_ms": [1], "slips": []}
SESSIONS = {
    f"a session with {name} {value!a}": {**SESSION, name: value}
    for name, value in [
        *((name, value) for name in ("name", "before", "text", "after") for value in (3, None, [])),
        *((name, "\ud800") for name in ("name", "before", "text", "after")),
        *(("delays_ms", [value]) for value in (-1, 1e400, float("nan"), "1", True, None)),
        *(("slips", value) for value in (["x"], [None], 3, [[1]])),
    ]
}
CASES = {
    "no list": "case = 3",
    "no table": "case = [3]",
    "no path": "[[case]]\ncode = 'x'",
    "no text": "[[case]]\ncode = 3",
    "no package": "[[case]]\nfunction = 'f'",
    "a folder": None,
}

EDITED = {
    "not text": b"=== a\n--- a.py\n\xff\n",
    "no file": b"=== a session",
    "no line end": b"=== a\n--- a",
    "no known language": b"=== a\n--- a.xyz\nx\n",
    "a pipe": None,
    "large": b"#" * 1_000_001,
}

FILES = ["missing", "empty", "text", "numbers", "deep", "half.gz", "folder", "loop", "pipe", "zero"]
FILES += ["", "x" * 5000, "a/b/c", "bad\0name", "\udcff"]
MODELS = ["missing", "", "m" * 3000, "m/" * 200, "module:factory", "EMBEDDED", "./good.py"]
NUMBERS = ["-1", "x", "", "nan", "1e999", "9" * 5000]

BROKEN = [
    *(["fill", f"{file}:1:1"] for file in [*FILES, "binary.py", "latin.py"]),
    *(
        ["fill", f"good.py:{where}"]
        for where in ["0", "0:0", "9", "1:99", "9" * 5000, "1:" + "9" * 99]
    ),
    *(["fill", "good.py", "--select", span] for span in ["", "1", "1:1", "2:1-1:1", "9:9-9:9"]),
    *(["fill", "good.py", "--select", span] for span in ["1:1-" + "9" * 5000 + ":1", "a:b-c:d"]),
    *(["fill", "good.py:1", f"--{name}", value] for name in ("lines", "seed") for value in NUMBERS),
    *(["fill", "good.py:1", "--strength", value] for value in ["0", "2", *NUMBERS]),
    *(["fill", "good.py:1", "--model", name] for name in MODELS),
    ["fill"],
    ["fill", "good.py"],
    ["fill", "good.py:1", "other.py:1"],
    ["fill", "good.py:1", "--language", "klingon"],
    ["fill", "-:1:1", "--write"],
    ["fill", "good.py:1", "--select", "x" * 6000],
    ["fill", "good.py:1", "--language", "x" * 6000],
    ["model", "get", "x" * 6000],
    *(["edit", f"{file}:1", "add types"] for file in FILES),
    *(["edit", place, "x"] for place in ["good.py", "good.py:0", "good.py:2-1", "good.py:1-99"]),
    ["edit", "good.py:1-2", ""],
    ["edit", "good.py:1-2", "x", "--model", "missing"],
    ["edit", "good.py:1-2", "x", "--language", "klingon"],
    *(["eval", "edits", "--archive", file] for file in [*FILES, "half.tar.gz", "odd.tar.xz"]),
    *(["eval", "edits", "--sessions", f"sessions/{kind}"] for kind in EDITED),
    ["eval", "instructions", "missing"],
    *(["eval", "instructions", f"cases/{kind}"] for kind in CASES),
    *(["eval", "humaneval", file] for file in [*FILES, *TASKS]),
    *(["eval", "cut", file, "--system", "nothing"] for file in [*FILES, "good.py"]),
    *(["eval", "cut", ".", "--count", value] for value in [*NUMBERS, "0"]),
    *(["eval", "cut", ".", "--seed", value] for value in ["x", "9" * 5000]),
    ["eval", "cut", ".", "--system", "magic"],
    ["eval", "cut", ".", "--system", "nothing", "--out", "good.py"],
    ["eval", "cut", ".", "--system", "ngram", "--ngram-corpus", "missing"],
    ["eval", "cut", ".", "--model", "missing", "--system", "dgls"],
    *(["eval", "typing", "--recorded", file] for file in [*FILES, *SESSIONS]),
    *(["eval", "typing", file] for file in ["missing", "folder", "empty"]),
    ["eval", "typing"],
    ["eval", "typing", ".", "--recorded", "text"],
    *(["eval", "typing", ".", "--truth", "--error", value] for value in ["0", "1", *NUMBERS]),
    *(["eval", "calibrate", name, "--tree", "."] for name in ["missing", "./folder", ""]),
    ["eval", "calibrate", "./folder", "--tree", "missing"],
    ["eval", "calibrate", "embedded"],
    ["eval", "faults", "--device", "nowhere"],
    ["eval"],
    ["eval", "magic"],
    *(["train", "--recipe", name] for name in ["magic", ""]),
    *(["train", "--source", name] for name in ["missing", "good.py"]),
    *(
        ["train", f"--{name}", v]
        for name in ("seed", "minutes", "steps")
        for v in [*NUMBERS, "1.5x"]
    ),
    ["train", "--device", "magic", "--source", "folder"],
    *(["train", "--exclude", file, "--source", "folder"] for file in ["missing", "text", "deep"]),
    ["train", "--recipe", "toy", "--source", "folder", "--folder", "good.py"],
    ["train", "--recipe", "toy", "--source", "folder", "--folder", "made"],
    *(["bench", "latency", f"--{name}", v] for name in ("keystrokes", "places") for v in NUMBERS),
    *(["bench", "engine", f"--{name}", v] for name in ("editors", "seconds") for v in NUMBERS),
    *(["bench", "engine", "--recorded", file] for file in ["missing", "text", "deep", "folder"]),
    *(["bench", "gpu", f"--{name}", "magic"] for name in ("size", "schemes", "parts", "device")),
    *(["bench", "passes", f"--{name}", v] for name in ("gaps", "threads") for v in NUMBERS[:1]),
    ["bench", "passes", "missing"],
    ["bench"],
    *(["serve", "--port", value] for value in [*NUMBERS, "70000"]),
    *(["serve", "--idle", value] for value in NUMBERS),
    ["serve", "--model", "missing", "--stop", "--all", "--port", "x"],
    ["serve", "--host", "0.0.0.0", "--port", "0"],
    ["serve", "--host", "10.0.0.1", "--port", "0"],
    ["serve", "--host", "::1"],
    ["serve", "--all"],
    ["stats", "extra"],
    ["stats", "--magic"],
    ["doctor", "extra"],
    *(["model", verb, "magic"] for verb in ("get", "remove", "path", "x")),
    ["model"],
    *(["why", place] for place in ["missing.py:1", "good.py:99", "good.py:x", "folder:1"]),
    *(["completion", shell] for shell in ["magic", ""]),
    ["magic"],
    ["--magic"],
]


def name_of(arguments: list[str]) -> str:
    return " ".join(repr(each)[1:25] for each in arguments)


@pytest.mark.parametrize("arguments", BROKEN, ids=name_of)
def test_a_wrong_argument_is_one_clear_sentence(
    place: Path, capfd: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    status = run_app(arguments)
    said = capfd.readouterr()
    both = said.out + said.err
    assert status != 0
    assert both.strip()
    assert "Traceback" not in both
    assert INSIDE not in both
    assert len(said.err) < 4000
    assert "Value error" not in said.err
    if len(arguments) > 1:
        assert said.err.startswith("dgls: "), "its own words, not its parser's"
        assert said.err.count("\n") < 9


def test_every_command_has_a_wrong_argument() -> None:
    assert {arguments[0] for arguments in BROKEN} >= set(VERBS) - set(DIRECT)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--tcp"],
        ["--tcp", "x"],
        ["--tcp=0.0.0.0:0"],
        ["--tcp=127.0.0.1:99999"],
        ["--tcp=127.0.0.1:" + "9" * 5000],
        ["--tcp=::1:-1"],
        ["--magic"],
        ["--stdio=x"],
        ["--clientProcessId"],
        [""],
    ],
)
def test_the_server_refuses_wrong_arguments(
    place: Path, capfd: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run_lsp(arguments) != 0
    assert "Traceback" not in capfd.readouterr().err


def test_the_full_size_needs_a_gpu_or_the_flag(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Random weights of the published size fill the memory of most machines."""
    monkeypatch.setattr("dgls.network.hardware.chosen_device", lambda name: torch.device("cpu"))
    measured: list[object] = []
    monkeypatch.setattr("dgls.lab.bench.gpu.run.run", lambda *plan: measured.append(plan))
    assert run_app(["bench", "gpu"]) == 2
    assert "--size toy" in capfd.readouterr().err.replace("\n", " ")
    assert measured == []
    for more in (["--size", "toy"], ["--device", "cpu"]):
        run_app(["bench", "gpu", *more])
    assert len(measured) == 2


@pytest.mark.parametrize(
    "folder", ["relative", "~nobody-here/e", "good.py", "good.py/below", "shared/e", "loop"]
)
@pytest.mark.parametrize(
    "command",
    [
        ["fill", "good.py:1"],
        ["serve", "--stop"],
        ["serve"],
        ["doctor"],
        ["why", "good.py:1"],
    ],
    ids=name_of,
)
def test_an_unusable_runtime_folder_is_one_clear_sentence(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    folder: str,
    command: list[str],
) -> None:
    (place / "shared" / "e").mkdir(parents=True, mode=0o700)
    (place / "shared").chmod(0o777)
    value = folder if folder in {"relative", "~nobody-here/e"} else str(place / folder)
    monkeypatch.setenv("DGLS_ENGINE_FOLDER", value)
    status = run_app(command)
    said = capfd.readouterr()
    assert status != 0
    assert "Traceback" not in said.err
    assert INSIDE not in said.err
    assert "engine.folder" in said.err + said.out.replace("\n", " ")


def test_an_unexpected_error_says_where_and_quotes_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def explode() -> Path:
        raise IndexError("gold")

    monkeypatch.setattr("dgls.cli.stats.counts_file", explode)
    assert run_app(["stats"]) == 70
    said = capfd.readouterr().err
    assert "IndexError at " in said
    assert "gold" not in said
    assert "Traceback" not in said


# How a shell may redirect the standard streams, and the exit status.
STREAMS = {
    "a full disk": (">/dev/full", 74),
    "no output": (">&-", 0),
    "no input": ("<&-", 0),
    "nothing": ("<&- >&- 2>&-", 0),
}


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(
    "command", ["-V", "--help", "stats", "completion bash", "lsp --help", "editor neovim"]
)
def test_closed_or_full_streams_cause_no_traceback(place: Path, command: str, stream: str) -> None:
    how, status = STREAMS[stream]
    done = _in_a_shell(f"{sys.executable} -P -m dgls {command} {how}", place)
    assert done.returncode == status
    assert done.stderr.count("No space left") == (status != 0)


@pytest.mark.parametrize("command", ["-V", "stats", "fill /a.py:1:1", "editor neovim"])
def test_a_deleted_working_folder_is_one_sentence(place: Path, command: str) -> None:
    gone = f"cd folder && rmdir ../folder && {sys.executable} -P -m dgls {command}"
    done = _in_a_shell(gone, place)
    assert done.returncode == 74
    assert done.stderr.startswith("dgls: the current folder does not exist")
    assert done.stderr.count("\n") == 1


def test_a_server_needs_no_working_folder(place: Path) -> None:
    gone = f"cd folder && rmdir ../folder && {sys.executable} -P -m dgls lsp </dev/null"
    done = _in_a_shell(gone, place)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_terminal_of_zero_columns_still_shows_text(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "0")
    run_app(["doctor"])
    assert "machine" in capfd.readouterr().out


def _in_a_shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    # A removed working folder leads nowhere, and Python finds dgls by this.
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return done
