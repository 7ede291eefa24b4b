"""Skips that must fail in a continuous run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.required import VARIABLE, why_not_skipped


@pytest.mark.parametrize(
    ("required", "markers", "fails"),
    [
        ("", {"model"}, False),
        ("model", {"model", "slow"}, True),
        ("model, editor", {"editor"}, True),
        ("model,editor,vllm", {"slow"}, False),
        ("model", set(), False),
    ],
)
def test_a_skip_fails_if_its_kind_is_required(
    required: str, markers: set[str], fails: bool
) -> None:
    assert bool(why_not_skipped(required, markers, "it is missing")) is fails


@pytest.mark.parametrize(("required", "status"), [("", 0), ("model", 1)])
def test_pytest_fails_for_a_required_skip(required: str, status: int, tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    environment = {**os.environ, VARIABLE: required, "DGLS_TEST_MODELS": str(tmp_path)}
    environment.pop("DGLS_TEST_GGUF", None)
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "model"]
    done = subprocess.run(
        [*run, "tests/model/test_start.py"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stdout
    assert "no laptop model is here" in done.stdout or not required
