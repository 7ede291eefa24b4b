"""The laptop model, for tests that are marked `model`."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest

from dgls.checkpoint.store import path_of
from dgls.config.settings import MODELS_VARIABLE

VARIABLE = "DGLS_TEST_GGUF"
NAME = "qwen2.5-coder-0.5b-instruct"


def laptop_gguf() -> Path:
    """The file that the variable names; skips the test where there is none."""
    named = os.environ.get(VARIABLE, "")
    if not named:
        pytest.skip(f"{VARIABLE} names no file of the laptop model")
    if not Path(named).is_file():
        pytest.fail(f"{VARIABLE} names {named}, which is not a file")
    return Path(named)


def laptop_environment() -> dict[str, str]:
    """What makes a `dgls` take the laptop model that the user has fetched; skips without one."""
    models = {MODELS_VARIABLE: os.environ["DGLS_TEST_MODELS"]}
    with mock.patch.dict(os.environ, models):
        if path_of(NAME) is None:
            pytest.skip(f"the laptop model is not here; run dgls model get {NAME}")
    return {**models, "DGLS_MODEL_NAME": NAME}
