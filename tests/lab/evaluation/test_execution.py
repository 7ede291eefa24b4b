"""What a program under test may not do, and that its end is reported correctly."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dgls.lab.evaluation.execution import RunLimits, run_program

QUICK = RunLimits(seconds=0.5)


@pytest.mark.parametrize(
    ("program", "outcome"),
    [
        ("import math, re, collections\nassert math.sqrt(4) == 2", "passed"),
        ("print('much' * 1000)\nimport sys\nsys.stderr.write('passed')", "passed"),
        ("assert 1 == 2", "AssertionError"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(0)", "SystemExit"),
        ("import os\nos._exit(0)", "died"),
        ("input()", "EOFError"),
        ("def f(): f()\nf()", "RecursionError"),
        ("import numpy", "ModuleNotFoundError"),
        ("if __name__ == '__main__': raise KeyError", "KeyError"),
    ],
)
def test_the_end_of_a_program_is_reported(program: str, outcome: str) -> None:
    assert run_program(program).outcome == outcome


@pytest.mark.parametrize(
    "program",
    [
        "import socket\nsocket.create_connection(('127.0.0.1', 9))",
        "import socket\nsocket.getaddrinfo('localhost', 9)",
        "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9')",
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])",
        "import os\nos.system('true')",
        "import os\nos.fork()",
        "import os\nos.execv('/bin/true', ['true'])",
        "import os\nos.kill(os.getppid(), 0)",
        "open('file.txt', 'w')",
        "open({path!r}, 'a')",
        "import os\nos.open({path!r}, os.O_WRONLY)",
        "import os\nos.remove({path!r})",
        "import os\nos.rename({path!r}, 'elsewhere')",
        "import os\nos.mkdir('folder')",
        "import shutil\nshutil.rmtree('.')",
        "import tempfile\ntempfile.NamedTemporaryFile()",
        "import pathlib\npathlib.Path({path!r}).write_text('other')",
        "import ctypes\nctypes.CDLL(None)",
    ],
)
def test_a_program_cannot_reach_files_network_or_processes(program: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("untouched")
    verdict = run_program(program.replace("{path!r}", repr(str(kept))))
    assert not verdict.passed
    assert kept.read_text() == "untouched"
    # The library wraps some of these; what matters is that none succeeded.
    assert verdict.outcome in {"PermissionError", "FileNotFoundError", "URLError"}


@pytest.mark.parametrize(
    "program",
    [
        "while True: pass",
        "import time\ntime.sleep(60)",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    ],
)
def test_an_endless_program_is_killed(program: str) -> None:
    assert run_program(program, QUICK).outcome == "timeout"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_a_program_gets_no_more_memory_than_its_limit() -> None:
    hungry = "held = bytearray(2_000_000_000)"
    assert run_program(hungry).outcome == "MemoryError"


def test_a_program_sees_nothing_of_this_process() -> None:
    os.environ["DGLS_TEST_SECRET"] = "told"
    try:
        program = "import os, sys\nassert 'DGLS_TEST_SECRET' not in os.environ\n"
        program += "assert not any('site-packages' in path for path in sys.path)\n"
        program += "assert not os.listdir('.')"
        assert run_program(program).outcome == "passed"
    finally:
        del os.environ["DGLS_TEST_SECRET"]


def test_a_leftover_thread_does_not_delay_the_run() -> None:
    program = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()"
    assert run_program(program).outcome == "passed"
