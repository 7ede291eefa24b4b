"""The local counts: added up in a private file, and readable as a table."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dgls.cli.stats import stats_table
from dgls.counts import Count, Kind, add_counts, read_counts

PYTHON, SLOW = Kind("python", 100.0), Kind("python", float("inf"))


@pytest.mark.parametrize(
    ("latency", "bound"), [(0.0, 100.0), (100.0, 100.0), (101.0, 300.0), (5_000.0, float("inf"))]
)
def test_a_wait_counts_in_the_smallest_class_that_holds_it(latency: float, bound: float) -> None:
    assert Kind.of("python", latency).within_ms == bound


def test_counts_add_up_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "state" / "counts.json"
    assert read_counts(path) == {}
    add_counts(path, {PYTHON: Count(10, 4, 3)})
    add_counts(path, {PYTHON: Count(10, 0, 0), SLOW: Count(1, 1, 0)})

    assert read_counts(path) == {PYTHON: Count(20, 4, 3), SLOW: Count(1, 1, 0)}
    assert path.stat().st_mode & 0o077 == 0
    assert stats_table(read_counts(path)).split("\n")[2:] == [
        "| python | 100 ms | 20 | 4 (20%) | 3 (75%) |",
        "| python | longer | 1 | 1 (100%) | 0 (0%) |",
    ]


def test_a_full_disk_keeps_the_counts_and_leaves_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "counts.json"
    add_counts(path, {PYTHON: Count(10, 4, 3)})

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(Path, "replace", full)
    add_counts(path, {PYTHON: Count(10, 4, 3)})
    assert [each.name for each in tmp_path.iterdir()] == ["counts.json"]
    assert read_counts(path) == {PYTHON: Count(10, 4, 3)}


def test_a_broken_file_and_an_unusable_folder_count_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "counts.json"
    path.write_text("[{")
    assert read_counts(path) == {}
    (tmp_path / "file").write_text("")
    add_counts(tmp_path / "file" / "counts.json", {PYTHON: Count(1)})
