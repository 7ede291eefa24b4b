"""A real llama.cpp server in this process (xllamacpp), with the laptop model."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import pytest

from dgls.checkpoint.store import path_of

_CONTEXT = 1024


def llama_cpp_url() -> str:
    """Its address; the test that asks is skipped, with the reason, where it cannot be had."""
    url: str = _server().listening_address
    return url


@functools.cache
def _server() -> Any:
    xllamacpp = pytest.importorskip("xllamacpp", reason="xllamacpp is not installed")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(_model_file())
    parameters.n_ctx = _CONTEXT
    parameters.n_parallel = 1
    parameters.warmup = False
    # Its threads spin: more of them would take the machine from everybody else.
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    return xllamacpp.Server(parameters)


def _model_file() -> Path:
    given = os.environ.get("DGLS_TEST_GGUF")
    found = Path(given) if given else path_of("qwen2.5-coder-0.5b-instruct")
    if found is None or not found.exists():
        pytest.skip("no laptop model here: dgls model get qwen2.5-coder-0.5b-instruct")
    return found
