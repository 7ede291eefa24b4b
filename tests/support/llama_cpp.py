"""A real llama.cpp server in this process (xllamacpp), with the laptop model."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from tests.support.laptop_model import laptop_gguf

_CONTEXT = 1024


def llama_cpp_url() -> str:
    """Its address; the test is skipped, with the reason, if it is not available."""
    url: str = _server().listening_address
    return url


@functools.cache
def _server() -> Any:
    xllamacpp = pytest.importorskip("xllamacpp", reason="xllamacpp is not installed")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(laptop_gguf())
    parameters.n_ctx = _CONTEXT
    parameters.n_parallel = 1
    parameters.warmup = False
    # Its threads spin: more of them would take the machine from everything else.
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    return xllamacpp.Server(parameters)
