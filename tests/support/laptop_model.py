"""The laptop model's file, for tests that are marked `model`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "DGLS_TEST_GGUF"


def laptop_gguf() -> Path:
    """The file that the variable names; skips the test where there is none."""
    named = os.environ.get(VARIABLE, "")
    if not named:
        pytest.skip(f"{VARIABLE} names no file of the laptop model")
    if not Path(named).is_file():
        pytest.fail(f"{VARIABLE} names {named}, which is not a file")
    return Path(named)
