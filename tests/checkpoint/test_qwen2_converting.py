"""Qwen2's int8 file: where it is written, and when it is made again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from dgls.checkpoint.named import resolved
from dgls.checkpoint.qwen2 import build as qwen2_build
from dgls.checkpoint.qwen2.build import open_int8
from dgls.checkpoint.qwen2.int8 import converted_paths, opened_int8
from dgls.errors import CheckpointError
from dgls.fill.open_filler import open_causal
from dgls.network.products import JOINED
from tests.checkpoint.qwen2_files import logits, needs_int8
from tests.support.qwen2 import (
    quietly,
    tiny_network,
    write_gguf,
)


@needs_int8
def test_next_to_read_only_weights_the_file_goes_to_the_models_folder(
    gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DGLS_MODELS", str(tmp_path / "models"))
    named = resolved(str(gguf))
    beside, elsewhere = converted_paths(named)
    refuse_to_write_below(monkeypatch, gguf.parent, besides=tmp_path / "models")
    first = opened_int8(named, quietly)
    assert (beside.exists(), elsewhere.exists()) == (False, True)
    monkeypatch.setattr("dgls.checkpoint.qwen2.int8.convert", None)
    assert torch.equal(logits(opened_int8(named, quietly).network), logits(first.network))


@needs_int8
def test_without_a_writable_folder_the_error_says_so(
    gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_write_below(monkeypatch, Path("/"))
    with pytest.raises(CheckpointError, match=r"cannot be written .*DGLS_MODELS"):
        opened_int8(resolved(str(gguf)), quietly)


def refuse_to_write_below(
    monkeypatch: pytest.MonkeyPatch, folder: Path, besides: Path | None = None
) -> None:
    """A folder that the system lets nobody write to; the superuser could anyway."""
    real = save_file

    def refuse(tensors: dict[str, Tensor], path: Path, *rest: Any) -> None:
        if path.is_relative_to(folder) and not (besides and path.is_relative_to(besides)):
            raise PermissionError(13, "Permission denied", str(path))
        real(tensors, path, *rest)

    monkeypatch.setattr(qwen2_build, "save_file", refuse)


BROKEN: dict[str, Callable[[Path, pytest.MonkeyPatch], object]] = {
    "half written": lambda path, patch: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path, patch: os.truncate(path, 0),
    "another version": lambda path, patch: patch.setattr(qwen2_build, "FORMAT", "next"),
}


@needs_int8
@pytest.mark.parametrize("broken", BROKEN)
def test_an_unusable_int8_file_is_made_again(
    gguf: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    named = resolved(str(gguf))
    wanted = logits(opened_int8(named, quietly).network)
    (beside, _) = converted_paths(named)
    BROKEN[broken](beside, monkeypatch)
    assert torch.equal(logits(opened_int8(named, quietly).network), wanted)
    assert open_int8(beside, quietly).origin == named.identity


@needs_int8
def test_the_leftovers_of_a_killed_conversion_are_deleted_by_the_next(gguf: Path) -> None:
    named = resolved(str(gguf))
    (beside, _) = converted_paths(named)
    old, fresh = (beside.with_suffix(f".{pid}.partial") for pid in (1, 2))
    old.write_bytes(b"half")
    fresh.write_bytes(b"half")
    yesterday = time.time() - 86_400
    os.utime(old, (yesterday, yesterday))
    opened_int8(named, quietly)
    assert (old.exists(), fresh.exists()) == (False, True)


@needs_int8
def test_other_weights_in_the_same_place_are_converted_again(gguf: Path) -> None:
    first = resolved(str(gguf))
    opened_int8(first, quietly)
    write_gguf(gguf, tied=True)
    second = resolved(str(gguf))
    assert second.identity != first.identity
    found, wanted = logits(opened_int8(second, quietly).network), logits(tiny_network(tied=True))
    assert torch.cosine_similarity(found.flatten(), wanted.flatten(), dim=0) > 1 - 0.01 * JOINED
    assert converted_paths(first)[0] != converted_paths(second)[0]
    assert torch.equal(
        logits(open_int8(converted_paths(second)[0], quietly).network),
        logits(opened_int8(second, quietly).network),
    )


@pytest.mark.parametrize("exact", [True, False])
def test_weights_replaced_during_reading_are_refused(gguf: Path, exact: bool) -> None:
    replaced = []

    def replace_once(share: float, what: str) -> None:
        if not replaced:
            other = write_gguf(gguf.with_name("other.gguf"), tied=True)
            replaced.append(other.replace(gguf))

    with pytest.raises(CheckpointError, match="changed while it was read"):
        open_causal(resolved(str(gguf)), "cpu", progress=replace_once, exact=exact)
    assert list(gguf.parent.glob("*.int8-*")) == []
    open_causal(resolved(str(gguf)), "cpu", exact=exact)


CONVERT = """
import sys
from dgls.checkpoint.gguf_file import NAMES as GGUF_NAMES
from dgls.checkpoint.gguf_file import GgufFile
from dgls.checkpoint.named import Named, resolved
from dgls.checkpoint.qwen2.int8 import opened_int8
print(opened_int8(resolved(sys.argv[1]), lambda share, what: None).origin)
"""


@needs_int8
def test_two_processes_may_convert_at_once(gguf: Path) -> None:
    start = [sys.executable, "-c", CONVERT, str(gguf)]
    running = [subprocess.Popen(start, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [each.communicate(timeout=300)[0].strip() for each in running]
    assert told == 2 * [resolved(str(gguf)).identity]
    assert list(gguf.parent.glob("*.partial")) == []
    assert len(list(gguf.parent.glob("*.int8-*"))) == 1
