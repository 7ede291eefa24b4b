"""Sessions with a scripted model, independent of the user's settings."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.lsp.raw import Raw, listening
from tests.lsp.session import ScriptedFiller, Session, initialized


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No `dgls.toml` and no `DGLS_` variable of this machine reaches a test."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in [name for name in os.environ if name.startswith("DGLS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def filler() -> ScriptedFiller:
    """The model of the session, scripted by a test."""
    return ScriptedFiller()


@pytest.fixture
async def session(filler: ScriptedFiller) -> AsyncIterator[Session]:
    """A session of an editor that counts in utf-16."""
    async with initialized(filler) as session:
        yield session


@pytest.fixture
async def raw(filler: ScriptedFiller) -> AsyncIterator[Raw]:
    """A client whose server has not received a message yet."""
    async with listening(filler) as (_, port):
        client = Raw(*await asyncio.open_connection("127.0.0.1", port))
        yield client
        client.writer.close()
