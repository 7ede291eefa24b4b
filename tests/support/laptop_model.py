"""The laptop model, for tests that are marked `model`."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest

from dgls.checkpoint.catalogue import entry_named
from dgls.checkpoint.store import path_of
from dgls.config.settings import MODELS_VARIABLE

NAME = "qwen2.5-coder-0.5b-instruct"
VARIABLE = "DGLS_TEST_GGUF"
MODELS = "DGLS_TEST_MODELS"
"""The folder of the user's fetched models (`tests.conftest` hides them from other tests)."""


def laptop_gguf() -> Path:
    """The file named by the variable, else the fetched one; skips the test if there is none."""
    if named := os.environ.get(VARIABLE, ""):
        if not Path(named).is_file():
            pytest.fail(f"{VARIABLE} names {named}, which is not a file")
        return Path(named)
    (file,) = entry_named(NAME).files
    path = Path(os.environ[MODELS]) / NAME / file.name
    if not path.is_file():
        pytest.skip(f"no laptop model is here; dgls model get {NAME}")
    return path


def laptop_environment() -> dict[str, str]:
    """The environment of a `dgls` with the user's laptop model; skips the test without one."""
    models = {MODELS_VARIABLE: os.environ[MODELS]}
    with mock.patch.dict(os.environ, models):
        if path_of(NAME) is None:
            pytest.skip(f"the laptop model is not here; run dgls model get {NAME}")
    return {**models, "DGLS_MODEL_NAME": NAME}
