"""A server that is down is reported once, and the local model fills until it is back."""

from __future__ import annotations

import logging

import pytest

from dgls.config import Settings, changed
from dgls.engine.backends.choose import backend_of
from dgls.engine.backends.fallback import RETRY_S, FallbackBackend
from dgls.errors import (
    EngineBusyError,
    ModelNotFoundError,
    RemoteError,
    RemoteOverloadedError,
    SettingError,
)
from dgls.fill.stop import StopToken
from dgls.protocol import Fill, FillReply, FillRequest, OnDraft, OnProgress

REQUEST = FillRequest(("x = ", "\n"))
DOWN = RemoteError("The server at host:1 cannot be reached.")


class Scripted:
    """A backend that fills with its name, or fails."""

    def __init__(self, name: str, concurrency: int = 1) -> None:
        self.name = name
        self.concurrency = concurrency
        self.error: Exception | None = None
        self.loads = 0
        self.fills = 0

    def load(self, progress: OnProgress) -> None:
        self.loads += 1
        if self.error is not None:
            raise self.error

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        self.fills += 1
        if self.error is not None:
            raise self.error
        return FillReply((Fill((self.name,), 0.0, 0.9),), self.name)


class Preparing(Scripted):
    """One that prepares the next fill in pauses."""

    pauses = 0

    def use_pause(self, stop: StopToken) -> bool:
        self.pauses += 1
        return True

    def use_idle_time(self) -> bool:
        return False


class Pair:
    """A server, a local model, and the time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.remote, self.local = Scripted("remote", 8), Preparing("local")
        self.both = FallbackBackend(self.remote, self.local, lambda: self.now)

    def load(self) -> None:
        self.both.load(lambda share, what: None)

    def fill(self) -> FillReply:
        return self.both.fill(REQUEST, StopToken())


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_while_the_server_is_up_the_local_model_is_not_loaded(pair: Pair) -> None:
    pair.load()
    reply = pair.fill()
    assert (reply.model, reply.note, pair.local.loads) == ("remote", "", 0)
    assert pair.both.concurrency == 8


def test_a_server_down_at_the_start_is_reported_in_each_reply(pair: Pair) -> None:
    pair.remote.error = DOWN
    pair.load()
    reply = pair.fill()
    assert reply.best.texts == ("local",)
    assert reply.note == f"{DOWN} local fills until it is back."
    assert (pair.both.name, pair.both.concurrency) == ("local", 1)


def test_a_server_that_goes_down_in_a_fill_loses_no_fill(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    pair.load()
    pair.remote.error = DOWN
    with caplog.at_level(logging.WARNING):
        assert [pair.fill().model for _ in range(3)] == ["local"] * 3
    assert pair.remote.fills == 1, "a server that is down is not asked"
    assert len(caplog.records) == 1, "it is logged once"
    assert pair.local.loads == 1


def test_the_server_fills_again_when_it_is_back(pair: Pair) -> None:
    pair.remote.error = DOWN
    pair.load()
    pair.remote.error = None
    assert pair.fill().model == "local", "it is not asked again so soon"
    pair.now += RETRY_S
    pair.fill()
    settled(pair)
    reply = pair.fill()
    assert (reply.model, reply.note) == ("remote", "")


def test_a_server_too_busy_to_list_its_models_is_down(pair: Pair) -> None:
    pair.remote.error = EngineBusyError("The server at host:1 answered 503.")
    pair.load()
    for _ in range(2):
        pair.now += RETRY_S
        assert pair.fill().model == "local"
        settled(pair)
        assert pair.fill().model == "local", "it is not asked again so soon"
    assert pair.remote.loads == 3
    pair.remote.error = None
    pair.now += RETRY_S
    pair.fill()
    settled(pair)
    assert pair.fill().model == "remote"


def test_a_server_that_says_503_to_a_fill_is_down(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    pair.load()
    pair.remote.error = RemoteOverloadedError("The server said secret = 1.")
    assert pair.fill().model == "local"
    assert "secret" not in caplog.text


def test_a_busy_server_is_not_down(pair: Pair) -> None:
    pair.load()
    pair.remote.error = EngineBusyError("The server at host:1 is busy (429).")
    with pytest.raises(EngineBusyError):
        pair.fill()
    assert pair.local.loads == 0


def test_pauses_are_used_while_the_local_model_fills(pair: Pair) -> None:
    pair.load()
    assert not pair.both.use_pause(StopToken())
    pair.remote.error = DOWN
    pair.fill()
    assert pair.both.use_pause(StopToken())
    assert pair.local.pauses == 1


def test_a_server_that_stays_down_is_retried_at_intervals(pair: Pair) -> None:
    pair.remote.error = DOWN
    pair.load()
    for _ in range(3):
        pair.now += RETRY_S
        pair.fill()
        settled(pair)
        pair.fill()
    assert pair.remote.loads == 4


def test_without_a_local_model_its_error_is_reported(pair: Pair) -> None:
    pair.remote.error = DOWN
    pair.local.error = ModelNotFoundError("There is no model 'x'.")
    with pytest.raises(ModelNotFoundError):
        pair.load()


@pytest.mark.parametrize(("wanted", "kind"), [("true", True), ("false", False)])
def test_the_setting_turns_the_fallback_on_or_off(wanted: str, kind: bool) -> None:
    settings = changed(
        Settings(),
        {
            "engine.backend": "infill",
            "remote.url": "http://127.0.0.1:1",
            "remote.fallback": wanted == "true",
        },
    )
    assert isinstance(backend_of(settings), FallbackBackend) is kind


def settled(pair: Pair) -> None:
    """Wait for the thread that checks whether the server is back."""
    asking = pair.both._asking
    if asking is not None:
        asking.join(10)


def broken(settings: Settings) -> object:
    raise AttributeError("of its own")


def test_a_failing_factory_is_distinguished_from_a_failed_import() -> None:
    module = f"{__name__}:broken"
    with pytest.raises(AttributeError, match="of its own"):
        backend_of(changed(Settings(), {"engine": {"backend": module}}))
    with pytest.raises(SettingError, match="cannot be imported"):
        backend_of(changed(Settings(), {"engine": {"backend": f"{module}s"}}))
