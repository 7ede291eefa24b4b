"""The benchmark measures what it says, on any machine; no test judges the speed."""

from __future__ import annotations

import json
import os
import re
import time
from itertools import islice
from pathlib import Path

import pytest

from dgls.cli.app import run_app
from dgls.config import Settings, changed
from dgls.lab.bench import fills
from dgls.lab.bench.instant import FACTORY
from dgls.lab.bench.machine import clock_seconds, cpu_seconds, machine, resident_mb
from dgls.lab.bench.overhead import engine_calls, keystrokes, keystrokes_along, server_start
from dgls.lab.bench.series import Page, Series, table
from dgls.protocol import Trigger


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "e"
    folder.mkdir(mode=0o700)
    return folder


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ((3.0,), 0.5, 3.0),
        ((3.0,), 0.99, 3.0),
        ((4.0, 1.0, 3.0, 2.0), 0.5, 2.0),
        ((4.0, 1.0, 3.0, 2.0), 0.9, 4.0),
        (tuple(float(n) for n in range(1, 101)), 0.99, 99.0),
        (tuple(float(n) for n in range(1, 101)), 0.9, 90.0),
    ],
)
def test_a_percentile_is_a_measured_value(
    values: tuple[float, ...], share: float, expected: float
) -> None:
    assert Series("x", "ms", values).percentile(share) == expected


def test_the_table_omits_percentiles_of_few_values() -> None:
    rows = [
        Series("one", "ms", (1.234,)),
        Series("ten", "ms", tuple(10.0 * n for n in range(1, 11))),
        Series("many", "MB", tuple(float(n) for n in range(1, 101))),
        Series("none", "ms", ()),
    ]
    assert table(rows).splitlines()[2:] == [
        "| one (ms) | 1.23 |  |  | 1 |",
        "| ten (ms) | 50.0 | 90.0 |  | 10 |",
        "| many (MB) | 50.0 | 90.0 | 99.0 | 100 |",
    ]


@pytest.mark.parametrize("command", ["latency", "engine"])
@pytest.mark.parametrize("wanted", [[], ["--json"]], ids=["Markdown", "JSON"])
def test_measurements_are_printed_as_a_table_or_json(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    wanted: list[str],
) -> None:
    rows = (Series("fill", "ms", tuple(float(n) for n in range(1, 101))), Series("none", "ms", ()))

    async def measured(*_: object) -> Page:
        return Page("a machine", rows, "No model.")

    monkeypatch.setattr(f"dgls.lab.bench.{command}.{command}", measured)
    monkeypatch.setattr("dgls.lab.bench.engine.usual_sessions", lambda count: ())
    assert run_app(["bench", command, *wanted]) == 0
    said = capsys.readouterr().out
    if wanted:
        row = {"what": "fill", "unit": "ms", "p50": 50.0, "p90": 90.0, "p99": 99.0, "n": 100}
        assert json.loads(said) == {"machine": "a machine", "series": [row], "note": "No model."}
    else:
        assert said == f"a machine\n\n{table(rows)}\nNo model.\n"


def test_the_machine_is_named_with_its_cores_and_the_date() -> None:
    assert re.search(r", \d+ cores.*, Python 3\.\d+.*, \d{4}-\d\d-\d\d$", machine())


def test_processor_time_is_in_seconds() -> None:
    begun, sure = cpu_seconds(os.getpid()), time.process_time()
    while time.process_time() - sure < 0.1:
        pass
    assert cpu_seconds(os.getpid()) - begun == pytest.approx(0.1, abs=0.08)


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [("00:01", 1), ("1:02:03", 3723), ("2-00:00:01", 172_801), ("0:01.5", 1.5)],
)
def test_the_clock_of_ps_is_read(clock: str, seconds: float) -> None:
    assert clock_seconds(clock) == seconds


def test_memory_is_in_megabytes() -> None:
    assert 10 < resident_mb(os.getpid()) < 100_000


async def test_the_server_and_the_engine_are_timed_and_leave_nothing(folder: Path) -> None:
    rows = await server_start(folder, 1)
    rows += await keystrokes(folder, 12)
    rows += await keystrokes_along(folder, 5)
    rows += await engine_calls(folder, 3)
    assert [len(row.values) for row in rows] == [1, 1, 12, 1, 5, 3]
    assert all(value > 0 for row in rows for value in row.values)
    assert {path.suffix for path in folder.iterdir()} <= {".log"}


async def test_fills_are_timed_cold_and_warm(folder: Path) -> None:
    settings = changed(Settings(), {"engine": {"folder": str(folder), "backend": FACTORY}})
    rows = {row.what: row.values for row in await fills.one_line_fills(settings, 2)}
    assert len(rows["fill after a jump (cold)"]) == len(rows["fill after a character (warm)"]) == 2
    assert rows["fill after a character (warm): passes"] == (1.0, 1.0)
    assert rows["engine: start with the model instant"][0] > 0
    assert {path.suffix for path in folder.iterdir()} <= {".log"}


def test_requests_at_a_place_are_those_of_an_editor() -> None:
    for place in islice(fills._places(), 12):
        asked = dict(fills._requests(Settings(), place))
        jump, character, bracket, enter, explicit = asked.values()
        before, after = jump.parts
        assert not before.endswith("\n")
        assert after.startswith("\n")
        assert character.parts == (before + place.rest[0], after) == explicit.parts
        assert bracket.parts[0] == character.parts[0] + "("
        assert bracket.parts[1].startswith(")" + after[:100])
        assert enter.parts[0].rstrip(" ") == before + place.rest + "\n"
        assert jump.around[0].endswith(place.before[-500:])
        triggers = [each.trigger for each in asked.values()]
        assert triggers == [Trigger.AUTOMATIC] * 4 + [Trigger.EXPLICIT]
