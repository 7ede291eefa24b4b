"""One vLLM server for all tests of this folder; it takes about a minute to start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dgls.checkpoint.metadata import Metadata, write_metadata
from dgls.config import changed, resolve
from dgls.engine.backends.vllm import VllmBackend
from tests.vllm.checkpoint import CANVAS, save_served
from tests.vllm.install import missing
from tests.vllm.server import KEY, WAIT_S, VllmServer, router, vllm_server

FAMILIES = ("chat", "infill")
"""Both layouts, on the same weights, which are random; the server does not care."""

MakeBackend = Callable[..., VllmBackend]


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A folder for each family; only their metadata differ."""
    if why := missing():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("checkpoints")
    found = {family: save_served(folder / family) for family in FAMILIES}
    write_metadata(Metadata(name="tiny", family="infill", window=256), found["infill"])
    return found


@pytest.fixture(scope="session")
def server(
    checkpoints: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[VllmServer]:
    log = tmp_path_factory.mktemp("vllm") / "log"
    with vllm_server(checkpoints["chat"], log) as running:
        yield running


@pytest.fixture(scope="session")
def routed(server: VllmServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a router that has the server as its only worker."""
    with router([server.url], tmp_path_factory.mktemp("router") / "log") as url:
        yield url


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def make_backend(
    server: VllmServer,
    checkpoints: Mapping[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> MakeBackend:
    """A function that loads a family's backend.

    Each canvas, number of steps and change to the server's settings is loaded once.
    """
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_text(KEY)
    key.chmod(0o600)
    usual = {"url": server.url, "key_file": str(key), "timeout_seconds": WAIT_S}

    @cache
    def make(family: str, canvas: int = CANVAS, steps: int = 2, **remote: Any) -> VllmBackend:
        settings = changed(
            resolve(environment={}, files=()).strict(),
            {
                "engine": {"backend": "vllm"},
                "model": {"name": str(checkpoints[family])},
                "remote": {**usual, **remote},
                "denoise": {"canvas": canvas, "steps": steps},
            },
        )
        backend = VllmBackend(settings)
        backend.load(lambda share, what: None)
        return backend

    return make
