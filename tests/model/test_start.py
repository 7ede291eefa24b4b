"""The cost of starting the laptop model, and a fill from the command line to the weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dgls.checkpoint.named import Named
from dgls.fill.causal import CausalFiller
from tests.model.places import ROOT

pytestmark = [pytest.mark.model, pytest.mark.slow]

START = """
import json, sys, time
began = time.perf_counter()
from pathlib import Path
from dgls.checkpoint.named import Named
from dgls.fill.open_filler import open_causal
from dgls.fill.stop import StopToken
from dgls.protocol import FillRequest
filler = open_causal(Named(sys.argv[1], Path(sys.argv[2]), True, sys.argv[3]), "cpu")
ready = time.perf_counter()
filler.fill(FillRequest(("def add(a, b):\\n    return ", "\\n")), StopToken())
# Not ru_maxrss, which a process has from the one that started it.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
peak = int(status["VmHWM"].split()[0]) * 1024
print(json.dumps([ready - began, time.perf_counter() - ready, peak]))
"""


def test_a_start_takes_seconds_and_little_memory(
    named: Named, filler: CausalFiller, record_property, capsys
) -> None:
    """`filler` is requested first, so that the int8 file has been made."""
    command = [sys.executable, "-c", START, named.name, str(named.path), named.identity]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    start, fill, peak = json.loads(done.stdout)
    record_property("start_s", start)
    with capsys.disabled():
        print(f"\nstart {start:.1f} s, first fill {fill:.1f} s, peak memory {peak / 1e9:.2f} GB")
    assert start < 60
    assert peak < 2.5e9, "Was it converted again?"


@pytest.fixture(scope="module")
def environment(named: Named, tmp_path_factory) -> Iterator[dict[str, str]]:
    """A separate engine with the laptop model's file."""
    variables = {
        **os.environ,
        "DGLS_MODEL_NAME": str(named.path.resolve()),
        "DGLS_ENGINE_FOLDER": str(tmp_path_factory.mktemp("engine")),
        "DGLS_ENGINE_IDLE_SECONDS": "60",
    }
    yield variables
    stop = [sys.executable, "-m", "dgls", "serve", "--stop"]
    subprocess.run(stop, env=variables, cwd=ROOT, check=False, timeout=60)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("19", {"order.price * order.count", "order.count * order.price"}),
        ("25", {'line.split(", ")', 'line.split(",")', "line.split(',')", "line.split(', ')"}),
        ("30:22", {"order.name"}),
    ],
)
def test_make_try_shows_right_fills(
    environment: dict[str, str], place: str, expected: set[str]
) -> None:
    target = f"fixtures/try/shop.py:{place}"
    command = [sys.executable, "-m", "dgls", "fill", target, "--watch"]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "pass 1" in done.stdout
    command[-1] = "--json"
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    reply = json.loads(done.stdout)
    (text,) = reply["best"]["texts"]
    assert text in expected
    assert reply["model"] == Path(environment["DGLS_MODEL_NAME"]).stem
