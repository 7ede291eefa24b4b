"""Fixtures of all editors' tests: engines with their models, and one trained checkpoint."""

from __future__ import annotations

import asyncio
import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dgls.client.stop import stop
from dgls.config import Settings, changed
from dgls.rendezvous.endpoint import endpoints
from tests.editors.home import START, engine_environment
from tests.support.laptop_model import laptop_environment


@pytest.fixture(scope="session")
def engine_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the engines of the editors' tests listen; they end with the last test."""
    folder = tmp_path_factory.mktemp("e")
    yield folder

    async def stop_all() -> None:
        for endpoint in endpoints(changed(Settings(), {"engine.folder": str(folder)})):
            await stop(endpoint)

    asyncio.run(stop_all())


@pytest.fixture(scope="session")
def warm(engine_folder: Path) -> Callable[..., dict[str, str]]:
    """Returns the environment of an editor whose engine has loaded its model already.

    Keywords are the settings that choose the model. An editor that gives up on slow answers would
    never show those of a cold engine.
    """

    @functools.cache
    def environment(**settings: str) -> dict[str, str]:
        wanted = {**engine_environment(engine_folder), **settings}
        fill = [sys.executable, "-c", START, "fill", "-:1:5"]
        subprocess.run(
            fill, input=b"x = \n", env={**os.environ, **wanted}, check=True, capture_output=True
        )
        return wanted

    return environment


@pytest.fixture(scope="session")
def laptop(warm: Callable[..., dict[str, str]]) -> dict[str, str]:
    """The environment of an editor whose engine has loaded the laptop model already.

    The tests check what is suggested, not how soon: on a busy machine a fill takes as long as it
    needs.
    """
    patient = {f"DGLS_FILL_{kind}_DEADLINE_MS": "300000" for kind in ("AUTOMATIC", "EXPLICIT")}
    return warm(**laptop_environment(), **patient)


@pytest.fixture(scope="session")
def overfitted() -> str:
    """The folder of a trained checkpoint."""
    from tests.support.overfit import overfitted_checkpoint

    return str(overfitted_checkpoint())
