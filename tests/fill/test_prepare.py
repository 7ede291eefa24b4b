"""The files that `dgls model get` makes before a model's first start."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgls.checkpoint.named import resolved
from dgls.checkpoint.qwen2.int8 import opened_int8
from dgls.fill.open_filler import prepare
from dgls.network.linear import can_multiply_int8
from tests.support.qwen2 import quietly, write_gguf


@pytest.mark.skipif(not can_multiply_int8(), reason="needs torch's int8 kernels")
def test_prepared_files_are_not_made_again_at_the_first_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_gguf(tmp_path / "tiny.gguf")
    told: list[float] = []
    prepare(str(file), lambda share, what: told.append(share))
    assert told
    assert told == sorted(told)
    monkeypatch.setattr("dgls.checkpoint.qwen2.int8.convert", None)
    opened = opened_int8(resolved(str(file)), quietly)
    assert opened.origin == resolved(str(file)).identity
