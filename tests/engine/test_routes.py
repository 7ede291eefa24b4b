"""The HTTP API for other programs: formats, statuses, limits, and admission."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from dgls.engine import connections, incoming
from dgls.errors import CheckpointError
from dgls.protocol import FillRequest, Trigger
from dgls.protocol_json import last_from_json, to_json
from tests.support.backends import SECRET
from tests.support.served import LIMIT, MOST, WAIT_S, ServedEngine, until_busy


def fill_request(path: str = "a.py", prefix: str = "x = ", **fields: Any) -> str:
    return to_json(FillRequest((prefix, ""), path=path, **fields))


async def test_a_fill_is_answered_with_its_candidates(http: httpx.AsyncClient) -> None:
    response = await http.post("/v1/fill", content=fill_request())
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    reply = response.json()
    assert reply["candidates"][0]["texts"] == ["x = "]
    assert reply["model"] == "scripted"
    assert reply["steps"] == 2


@pytest.mark.parametrize(
    ("query", "accept"), [("?stream=true", "*/*"), ("", "application/x-ndjson")]
)
async def test_drafts_are_streamed_on_request(
    http: httpx.AsyncClient, query: str, accept: str
) -> None:
    response = await http.post(
        f"/v1/fill{query}", content=fill_request(), headers={"accept": accept}
    )
    assert response.headers["content-type"] == "application/x-ndjson"
    *drafts, reply = [json.loads(line) for line in response.text.splitlines()]
    assert [draft["step"] for draft in drafts] == [1, 2]
    assert reply["candidates"][0]["texts"] == ["x = "]


async def test_text_of_every_unicode_plane_returns_unchanged(http: httpx.AsyncClient) -> None:
    text = 'é 漢 😀 \u2028 \x00 \\ " \r\n\t'
    response = await http.post("/v1/fill", content=fill_request(prefix=text).encode())
    assert response.json()["candidates"][0]["texts"] == [text]


async def test_health_and_models(http: httpx.AsyncClient) -> None:
    health = (await http.get("/health")).json()
    assert (health["state"], health["percent"], health["model"]) == ("ready", 100.0, "scripted")
    assert health["pid"] > 0
    models = (await http.get("/v1/models")).json()
    assert [model["id"] for model in models["data"]] == ["scripted"]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        pytest.param("{", 400, "EngineProtocolError", id="half"),
        pytest.param(b"\xff\x00\x80", 400, "EngineProtocolError", id="garbage"),
        pytest.param("[" * 10_000, 400, "EngineProtocolError", id="nested"),
        pytest.param("[]", 400, "EngineProtocolError", id="not an object"),
        pytest.param("{}", 400, "EngineProtocolError", id="nothing"),
        pytest.param('{"parts": ["a"]}', 400, "EngineProtocolError", id="too few parts"),
        pytest.param('{"parts": ["a", 1]}', 400, "EngineProtocolError", id="wrong part"),
        pytest.param('{"parts": ["a", "b"], "x": 1}', 400, "EngineProtocolError", id="unknown"),
        pytest.param(fill_request("refuse.py"), 422, "LanguageError", id="refused"),
        pytest.param(fill_request("bug.py"), 500, "EngineError", id="bug"),
        pytest.param("x" * (LIMIT + 1), 413, "EngineProtocolError", id="too large"),
    ],
)
async def test_an_unusable_request_gets_one_clear_error(
    http: httpx.AsyncClient, body: str | bytes, status: int, kind: str
) -> None:
    for target in ("/v1/fill", "/v1/fill?stream=true"):
        response = await http.post(target, content=body)
        streamed = "stream" in target and kind in {"LanguageError", "EngineError"}
        assert response.status_code == (200 if streamed else status)
        error = json.loads(response.text.splitlines()[-1])["error"]
        assert error["kind"] == kind
        assert error["message"].endswith(".")
        assert "Traceback" not in response.text
        assert SECRET not in response.text
    # The engine continues.
    assert (await http.post("/v1/fill", content=fill_request())).status_code == 200


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [("GET", "/v1/fill", 405), ("GET", "/nowhere", 404), ("POST", "/health", 405)],
)
async def test_wrong_paths_and_methods_get_errors_in_the_same_format(
    http: httpx.AsyncClient, method: str, target: str, status: int
) -> None:
    response = await http.request(method, target)
    assert response.status_code == status
    assert response.json()["error"]["kind"] == "EngineProtocolError"


async def test_a_body_without_a_length_is_cut_off_at_the_limit(http: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    response = await http.post("/v1/fill", content=endless())
    assert response.status_code == 413


async def test_half_a_body_times_out(
    engine: ServedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "_BODY_S", 0.05)
    answer = await exchange(
        tmp_path / "s", b"POST /v1/fill HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf"
    )
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"kind":"EngineProtocolError"' in answer


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\r\n" * 50_000, b"x" * 200_000],
    ids=["tls", "no target", "newlines", "one long word"],
)
async def test_bytes_that_are_not_http_are_cut_off(
    engine: ServedEngine, http: httpx.AsyncClient, tmp_path: Path, garbage: bytes
) -> None:
    answer = await exchange(tmp_path / "s", garbage + b"\r\n\r\n")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert (await http.get("/health")).status_code == 200


async def exchange(path: Path, data: bytes) -> bytes:
    """The engine's answer to `data` before it closes the connection."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        async with asyncio.timeout(WAIT_S):
            writer.write(data)
            return await reader.read()
    except (ConnectionResetError, BrokenPipeError):
        return b""
    finally:
        writer.close()


async def test_closing_the_connection_stops_the_fill(
    engine: ServedEngine, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    for headers in ("", "accept: application/x-ndjson\r\n"):
        body = fill_request("forever.py").encode()
        head = f"POST /v1/fill HTTP/1.1\r\nhost: x\r\n{headers}content-length: {len(body)}\r\n\r\n"
        _, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        writer.write(head.encode() + body)
        scheduler = engine.service.scheduler
        assert scheduler is not None
        await until_busy(scheduler, True)
        writer.close()
        await until_busy(scheduler, False)
        assert engine.service.requests == 0


async def test_a_superseded_request_gets_a_clean_answer(
    engine: ServedEngine, http: httpx.AsyncClient
) -> None:
    automatic = fill_request("forever.py", trigger=Trigger.AUTOMATIC, method="inline")
    older = asyncio.ensure_future(http.post("/v1/fill", content=automatic))
    scheduler = engine.service.scheduler
    assert scheduler is not None
    await until_busy(scheduler, True)
    newer = asyncio.ensure_future(http.post("/v1/fill", content=automatic))
    response = await older
    assert response.status_code == 409
    assert response.json()["error"]["kind"] == "Stopped"
    newer.cancel()
    await until_busy(scheduler, False)


async def test_too_many_requests_are_refused(engine: ServedEngine, http: httpx.AsyncClient) -> None:
    running = [
        asyncio.ensure_future(http.post("/v1/fill", content=fill_request("forever.py")))
        for _ in range(MOST)
    ]
    async with asyncio.timeout(WAIT_S):
        while engine.service.requests < MOST:
            await asyncio.sleep(0.002)
    response = await http.post("/v1/fill", content=fill_request())
    assert response.status_code == 429
    assert response.json()["error"]["kind"] == "EngineBusyError"
    for task in running:
        task.cancel()


async def test_a_client_that_never_reads_does_not_disturb_others(
    engine: ServedEngine, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    writer = await never_reading(tmp_path / "s")
    for _ in range(20):
        assert (await http.post("/v1/fill", content=fill_request())).status_code == 200
    writer.transport.abort()


async def test_a_client_that_never_reads_loses_its_place(
    engine: ServedEngine, http: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "UNREAD_S", 0.05)
    writer = await never_reading(tmp_path / "s")
    async with asyncio.timeout(WAIT_S):
        while not engine.service.requests:
            await asyncio.sleep(0.002)
        while engine.service.requests:
            await asyncio.sleep(0.01)
    assert (await http.post("/v1/fill", content=fill_request())).status_code == 200
    writer.transport.abort()


async def never_reading(path: Path) -> asyncio.StreamWriter:
    """A client with pipelined requests whose answers would fill its socket many times."""
    body = fill_request(prefix="x" * (LIMIT - 1000)).encode()
    head = f"POST /v1/fill?stream=1 HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    _, writer = await asyncio.open_unix_connection(str(path))
    # The client's stream would keep reading in the background.
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write((head.encode() + body) * 100)
    return writer


async def test_while_loading_a_fill_is_told_to_retry(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    engine = ServedEngine(listener)
    engine.status.loading(0.4, "weights")
    async with httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(verify=False, uds=str(tmp_path / "s")),
        base_url="http://x",
    ) as http:
        health = await answered(http, "/health")
        assert (health["state"], health["percent"], health["message"]) == ("loading", 40, "weights")
        response = await http.post("/v1/fill", content=fill_request())
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert response.json()["error"]["kind"] == "EngineUnavailableError"
        assert "40 %" in response.json()["error"]["message"]
        engine.status.failed(CheckpointError("It is broken; nothing was loaded."))
        response = await http.post("/v1/fill", content=fill_request())
        assert response.status_code == 503
        assert response.json()["error"]["kind"] == "CheckpointError"
        engine.status.failed(ValueError(SECRET))
        health = (await http.get("/health")).json()
        assert (health["state"], health["kind"]) == ("failed", "ModelError")
        assert SECRET not in health["message"]
    await engine.end()


async def answered(http: httpx.AsyncClient, target: str) -> dict[str, Any]:
    """The JSON answer, once the server is up."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                answer: dict[str, Any] = (await http.get(target)).json()
                return answer
            except httpx.ConnectError:
                await asyncio.sleep(0.01)


async def test_an_engine_shuts_down_over_http(
    engine: ServedEngine, http: httpx.AsyncClient
) -> None:
    response = await http.post("/v1/shutdown")
    assert response.status_code == 202
    assert engine.ended.is_set()


async def test_the_last_fill_is_available_to_dgls_why(http: httpx.AsyncClient) -> None:
    nothing = await http.get("/v1/last")
    assert (nothing.status_code, nothing.json()["error"]["kind"]) == (404, "InputError")
    for prefix in ("x = ", "y = "):
        await http.post("/v1/fill", content=fill_request(prefix=prefix))
    last = last_from_json((await http.get("/v1/last")).content)
    assert last.request.parts == ("y = ", "")
    assert last.reply.best.texts == ("y = ",)
    assert 0 <= last.age_s < WAIT_S


RIGHT = {"authorization": "Bearer right"}
LET_IN = [
    # headers, status at a port open to this machine's programs, status if a token is required
    ({}, 200, 401),
    (RIGHT, 200, 200),
    ({"authorization": "Bearer wrong"}, 200, 401),
    ({**RIGHT, "host": "localhost"}, 200, 200),
    ({**RIGHT, "host": "evil.example"}, 403, 403),
    ({**RIGHT, "host": "127.0.0.1.evil.example"}, 403, 403),
    ({**RIGHT, "host": "127.0.0.1:1"}, 403, 403),
    ({**RIGHT, "origin": "https://evil.example"}, 403, 403),
    ({**RIGHT, "origin": "null"}, 403, 403),
]


@pytest.mark.parametrize("token", [None, "right"])
async def test_only_allowed_hosts_and_tokens_are_let_in_over_a_port(token: str | None) -> None:
    engine, url = engine_on_a_port(token)
    async with httpx.AsyncClient(base_url=url, verify=False) as http:
        for headers, at_open, with_token in LET_IN:
            expected = at_open if token is None else with_token
            models = await http.get("/v1/models", headers=headers)
            filled = await http.post("/v1/fill", headers=headers, content=fill_request())
            assert (models.status_code, filled.status_code) == (expected, expected), headers
    await engine.end()


async def test_an_open_port_reveals_no_fills_and_cannot_stop_the_engine() -> None:
    for token, expected in ((None, 403), ("right", 202)):
        engine, url = engine_on_a_port(token)
        async with httpx.AsyncClient(base_url=url, verify=False) as http:
            last = await http.get("/v1/last", headers=RIGHT)
            assert last.status_code == (404 if token else 403)
            assert (await http.post("/v1/shutdown", headers=RIGHT)).status_code == expected
        assert engine.ended.is_set() is (expected == 202)
        await engine.end()


def engine_on_a_port(token: str | None) -> tuple[ServedEngine, str]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    engine = ServedEngine(listener, token)
    engine.ready()
    return engine, f"http://127.0.0.1:{listener.getsockname()[1]}"
