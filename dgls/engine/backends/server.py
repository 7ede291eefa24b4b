"""A remote server over HTTP: one answer or one clear error, stopped at once.

It uses httpx, unlike front-ends (`dgls.client.connection`), because a remote server needs TLS,
proxies and connection pools. The import is slow, but the engine pays for it once.

All calls run in one event loop in a separate thread, so that requests share connections and a stop
closes the connection of its call, which tells the server.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import ssl
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import httpx

from dgls.config import RemoteSettings
from dgls.engine.backends.key import Key, read_key
from dgls.errors import EngineBusyError, RemoteError, RemoteOverloadedError, SettingError, Stopped
from dgls.fill.stop import StopToken

T = TypeVar("T")

_CONNECT_S = 5.0
_STOP_POLL_S = 0.01
"""Within how many seconds a call notices that it was stopped."""
_LARGEST_REPLY = 16_000_000
_QUOTED = 200
"""The most characters of a server's own message that an error quotes."""
_LOOPBACKS = {"127.0.0.1", "::1", "localhost"}


class Server:
    """One server at one address. Its methods may be called from any thread."""

    def __init__(self, settings: RemoteSettings) -> None:
        """Reads the key. Raises `SettingError` for an invalid address or key."""
        self._url = _address(settings.url)
        self._timeout_s = settings.timeout_seconds
        self._key: Key = read_key(settings)
        self._loop = asyncio.new_event_loop()
        self._client: httpx.AsyncClient | None = None
        threading.Thread(target=self._loop.run_forever, name="dgls-remote", daemon=True).start()

    @property
    def host(self) -> str:
        """Host and port, as shown to users."""
        return self._url.netloc.decode("ascii")

    def run(self, call: Coroutine[Any, Any, T], stop: StopToken) -> T:
        """The call's result. Raises `Stopped` once `stop` is set, which also cancels the call."""
        future = asyncio.run_coroutine_threadsafe(call, self._loop)
        while not concurrent.futures.wait([future], _STOP_POLL_S).done:
            if stop.stopped:
                future.cancel()
                stop.check()
        return future.result()

    async def get(self, path: str) -> Any:
        """The JSON of a GET request; for coroutines run by `run`. Raises `RemoteError`."""
        return await self._exchange("GET", path, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON of the response. Raises `RemoteError`, `EngineBusyError`."""
        return await self._exchange("POST", path, body)

    async def within(
        self, deadline_ms: float | None, calls: Sequence[Coroutine[Any, Any, T]]
    ) -> list[T]:
        """The results that have arrived by the deadline; all of them without one.

        Raises `Stopped` if there is none, and the first error of a call.
        """
        limit_s = None if deadline_ms is None else deadline_ms / 1000
        found = [each for each in await in_time(calls, limit_s) if each is not None]
        if not found:
            raise too_late(self.host, deadline_ms or 0.0)
        return found

    async def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                status, content = await self._answer(method, path, body)
        except (TimeoutError, httpx.TimeoutException) as error:
            waited = time.monotonic() - began
            raise RemoteError(
                f"The server at {self.host} did not answer within {waited:.1f} s; nothing was "
                "filled. It may be busy; try again, or raise 'remote.timeout_seconds'."
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            raise RemoteError(
                f"The server at {self.host} cannot be reached ({self._why(error)}); nothing was "
                "filled. Check that it is running and that 'remote.url' is right."
            ) from error
        if status != httpx.codes.OK:
            raise self._refusal(status, content)
        return self._parsed(content)

    async def _answer(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[int, bytes]:
        client = self._opened()
        content = b""
        async with client.stream(method, path, json=body) as response:
            async for part in response.aiter_bytes():
                content += part
                if len(content) > _LARGEST_REPLY:
                    raise RemoteError(
                        f"The server at {self.host} sent more than {_LARGEST_REPLY} bytes; "
                        f"nothing was filled."
                    )
            return response.status_code, content

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                base_url=self._url,
                headers=self._key.headers(),
                timeout=httpx.Timeout(self._timeout_s, connect=min(_CONNECT_S, self._timeout_s)),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
                # Code is sent only where the settings say: redirects are not followed, and the
                # environment's proxies are not used for a server on this machine.
                follow_redirects=False,
                trust_env=self._url.host not in _LOOPBACKS,
            )
        return self._client

    def _refusal(self, status: int, content: bytes) -> RemoteError | EngineBusyError:
        where = f"The server at {self.host}"
        if status in (401, 403):
            return RemoteError(
                f"{where} refused the key ({status}); nothing was filled. "
                f"Check 'remote.key_file' or 'remote.key_variable'."
            )
        if status == 429:
            return EngineBusyError(f"{where} is busy (429); nothing was filled, try again.")
        if status == 503:
            return RemoteOverloadedError(f"{where} is busy (503); nothing was filled, try again.")
        return RemoteError(f"{where} failed ({status}{self._words(content)}); nothing was filled.")

    def _words(self, content: bytes) -> str:
        """The server's own error message, if it has the form of OpenAI's API."""
        try:
            fields = json.loads(content)
            said = fields.get("error", fields)
            message = said.get("message", "") if isinstance(said, dict) else said
        except (ValueError, AttributeError, RecursionError):
            return ""
        words = " ".join(str(message).split())[:_QUOTED]
        return f": {self._key.hidden_in(words)}" if words else ""

    def _parsed(self, content: bytes) -> Any:
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            # Without the cause: its message is harmless, but its document is the whole response.
            raise RemoteError(
                f"The server at {self.host} answered something that is not JSON; nothing was "
                "filled. Check 'remote.url'."
            ) from None

    def _why(self, error: Exception) -> str:
        return self._key.hidden_in(str(error)[:_QUOTED]) or type(error).__name__


async def in_time(
    calls: Sequence[Coroutine[Any, Any, T]], limit_s: float | None, last_s: float | None = None
) -> list[T | None]:
    """The results of all calls, which run at once; None for a call that the limit cut off.

    If none has arrived at the limit, the first one is awaited, until `last_s` if given. The first
    error ends all of them and is raised.
    """
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        done, left = await asyncio.wait(tasks, timeout=limit_s, return_when=asyncio.FIRST_EXCEPTION)
        if not done and limit_s is not None and last_s is not None:
            done, _ = await asyncio.wait(
                left, timeout=last_s - limit_s, return_when=asyncio.FIRST_COMPLETED
            )
        for task in tasks:
            if task in done and task.exception() is not None:
                task.result()
        return [task.result() if task in done else None for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        # Cancelled calls close their connections before this returns.
        await asyncio.gather(*tasks, return_exceptions=True)


def too_late(host: str, limit_ms: float) -> Stopped:
    """The error for a server without any result when the request's time was over."""
    return Stopped(
        f"The server at {host} did not answer within the limit of {limit_ms:.0f} ms; "
        "nothing was changed."
    )


def _address(url: str) -> httpx.URL:
    """The base address for paths such as `/v1/models`."""
    if not url:
        raise SettingError(
            "'remote.url' is empty, but 'engine.backend' needs a server; nothing was sent."
        )
    try:
        address = httpx.URL(url.rstrip("/").removesuffix("/v1"))
    except httpx.InvalidURL:
        address = httpx.URL()
    # The address is not shown, because it may contain a password.
    if address.scheme not in ("http", "https") or not address.host or address.userinfo:
        raise SettingError(
            "'remote.url' must be http:// or https:// with a host, without a name or "
            "password; nothing was sent. Put the key into 'remote.key_file'."
        )
    return address
