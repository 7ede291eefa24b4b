"""Another model for explicit requests, beside the one for typing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from lsprotocol import types

from dgls.config import Settings, changed
from dgls.errors import ModelNotFoundError
from dgls.lsp.other_models import OtherModels
from tests.lsp.session import ScriptedFiller, initialized, reply, until

LARGE = "/models/large"
OPTIONS = {"fill": {"explicit_model": LARGE}}


def texts(items: Any) -> list[str]:
    return [item.insert_text for item in items]


@pytest.fixture
def large() -> ScriptedFiller:
    return ScriptedFiller(lambda request: reply("large()"))


@pytest.fixture
def small() -> ScriptedFiller:
    return ScriptedFiller(lambda request: reply("small()"))


async def test_explicit_requests_go_to_the_other_model_and_typing_does_not(
    small: ScriptedFiller, large: ScriptedFiller
) -> None:
    async with initialized(small, {LARGE: large}, options=OPTIONS) as session:
        await session.open("x = \n")
        assert texts(await session.ask(0, 4)) == ["small()"]
        assert not large.loads
        assert texts(await session.ask(0, 4, invoked=True)) == ["large()"]
        assert (len(small.requests), len(large.requests)) == (1, 1)
    assert large.closed


async def test_a_missing_model_is_reported_and_typing_continues(
    small: ScriptedFiller, large: ScriptedFiller
) -> None:
    def missing() -> None:
        raise ModelNotFoundError(f"There is no model '{LARGE}'; fetch it.")

    large.load = missing
    async with initialized(small, {LARGE: large}, options=OPTIONS) as session:
        await session.open("x = \n")
        assert not await session.ask(0, 4, invoked=True)
        assert texts(await session.ask(0, 4)) == ["small()"]
        await until(lambda: session.client.messages)
    (message,) = session.client.messages
    assert LARGE in message.message


class Nobody:
    shows_progress = False

    def show(self, message: str, kind: types.MessageType) -> None:
        raise AssertionError(message)

    async def create_progress(self, token: str) -> None:
        raise AssertionError(token)

    def report_progress(self, token: str, value: object) -> None:
        raise AssertionError(token)


async def test_a_model_stays_until_its_settings_change() -> None:
    fillers = {name: ScriptedFiller() for name in ("/a", "/b")}
    closing: list[asyncio.Future[None]] = []
    models = OtherModels(
        lambda settings: fillers[settings.model.name],
        Nobody(),
        lambda closes: closing.append(asyncio.ensure_future(closes)),
    )
    a, b = (changed(Settings(), {"model.name": name}) for name in fillers)
    first = models.get("explicit", a)
    await first.ready()
    assert models.get("explicit", changed(a, {"show.threshold": 0.5})) is first
    assert models.get("edit", a) is not first
    await models.get("explicit", b).ready()
    await asyncio.gather(*closing)
    assert fillers["/a"].closed
    assert not fillers["/b"].closed
    await models.close()
    assert fillers["/b"].closed
