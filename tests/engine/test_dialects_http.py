"""Other clients over HTTP, against a backend that echoes the prefix."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from dgls.engine.dialects import DIALECTS
from dgls.engine.dialects.dialect import Dialect
from tests.support.backends import SECRET
from tests.support.dialects import LLAMA_VIM, MINUET, RIGHT
from tests.support.served import LIMIT, MOST, ServedEngine, until_busy


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
async def test_each_dialect_is_answered(http: httpx.AsyncClient, dialect: Dialect) -> None:
    # The echo of a whole statement is sound.
    prompt = {"input_prefix": "", "prompt": "area(2)\n"}
    body = {**RIGHT[dialect], **prompt, "n_indent": 0, "stop": [], "stream": False}
    response = await http.post(dialect.path, json=body)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert "area(2)" in response.text
    streamed = await http.post(dialect.path, json={**body, "stream": True})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert streamed.text.startswith("data: {")
    assert "area(2)" in streamed.text


async def test_llama_vim_finds_its_mark_in_compact_json(http: httpx.AsyncClient) -> None:
    response = await http.post("/infill", json=LLAMA_VIM)
    assert response.text.startswith('{"content":"')


FAILURES = [
    # what is sent, status for llama.cpp and OpenAI, status for Mistral
    pytest.param(b"{", 400, 400, id="half"),
    pytest.param(b'{"prompt": 3, "input_prefix": 3}', 400, 422, id="wrong type"),
    pytest.param(b" " * (LIMIT + 1), 413, 413, id="too large"),
]


@pytest.mark.parametrize(("body", "status", "mistral_status"), FAILURES)
async def test_each_dialect_gets_refusals_in_its_own_format(
    http: httpx.AsyncClient, body: bytes, status: int, mistral_status: int
) -> None:
    llama = await http.post("/infill", content=body)
    assert llama.status_code == llama.json()["error"]["code"] == status
    assert llama.json()["error"]["type"] == "invalid_request_error"
    as_openai = await http.post("/v1/completions", content=body)
    assert as_openai.status_code == status
    assert as_openai.json()["error"].keys() == {"message", "type", "param", "code"}
    as_mistral = await http.post("/v1/fim/completions", content=body)
    assert as_mistral.status_code == mistral_status
    if mistral_status == 422:
        [detail] = as_mistral.json()["detail"]
        assert detail["loc"] == ["body", "prompt"]
    else:
        assert as_mistral.json()["object"] == "error"
    for response in (llama, as_openai, as_mistral):
        assert "Traceback" not in response.text


@pytest.mark.parametrize(("behaviour", "status"), [("refuse.py", 422), ("bug.py", 500)])
async def test_a_failed_fill_is_reported_without_the_prompt(
    http: httpx.AsyncClient, behaviour: str, status: int
) -> None:
    extra = [{"filename": behaviour, "text": SECRET}]
    response = await http.post("/infill", json={**LLAMA_VIM, "input_extra": extra})
    assert response.status_code == response.json()["error"]["code"] == status
    assert SECRET not in response.text
    # llama.vim treats a text with this mark as a suggestion.
    assert '"content":' not in response.text


async def test_a_client_that_disconnects_frees_the_model(
    engine: ServedEngine, http: httpx.AsyncClient
) -> None:
    extra = [{"filename": "forever.py", "text": ""}]
    call = asyncio.ensure_future(http.post("/infill", json={**LLAMA_VIM, "input_extra": extra}))
    scheduler = engine.service.scheduler
    assert scheduler is not None
    await until_busy(scheduler, True)
    call.cancel()
    await until_busy(scheduler, False)
    assert engine.service.requests == 0


async def test_too_many_requests_are_refused_and_early_ones_deferred(
    engine: ServedEngine, http: httpx.AsyncClient
) -> None:
    engine.service.requests += 2 * MOST
    busy = await http.post("/v1/completions", json=MINUET)
    assert (busy.status_code, busy.json()["error"]["type"]) == (429, "rate_limit_error")
    engine.service.requests -= 2 * MOST
    scheduler, engine.service.scheduler = engine.service.scheduler, None
    engine.status.loading(0.5, "weights")
    response = await http.post("/infill", json=LLAMA_VIM)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["error"]["type"] == "unavailable_error"
    engine.service.scheduler = scheduler
