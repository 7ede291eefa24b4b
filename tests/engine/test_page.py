"""The engine's page in a browser: what it loads and may request; other pages are refused."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from dgls.engine.page import PATH, page, page_request
from dgls.errors import EngineProtocolError
from dgls.syntax.cursor import Budget
from tests.support.served import ServedEngine

TOKEN = "of-the-page"
MINE = {"authorization": f"Bearer {TOKEN}"}
ASKED = {"parts": ["def f(x):\n    return ", "\n"], "name": "a.py", "lines": 1}


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    listener = socket.create_server(("127.0.0.1", 0))
    engine = ServedEngine(listener, page_token=TOKEN)
    engine.ready()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, verify=False) as http:
        yield http
    await engine.end()


async def test_the_page_loads_nothing_and_runs_only_its_script(
    browser: httpx.AsyncClient,
) -> None:
    shown = await browser.get("/")
    assert shown.status_code == 200
    policy = shown.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert len(re.findall("'sha256-[^']{44}'", policy)) == 2
    assert re.search(r"""(src|href)\s*=|https?:|@import|url\(|\sstyle=|\son\w+=""", page()) is None
    assert TOKEN not in shown.text


async def test_the_page_watches_its_fill(browser: httpx.AsyncClient) -> None:
    origin = {"origin": str(browser.base_url).rstrip("/")}
    answer = await browser.post(PATH, headers={**MINE, **origin}, json=ASKED)
    drafts_and_reply = [json.loads(line) for line in answer.text.splitlines()]
    assert drafts_and_reply[-1]["candidates"][0]["texts"] == [ASKED["parts"][0]]
    assert all("step" in draft for draft in drafts_and_reply[:-1])


REFUSED = [
    ({}, 401),
    ({"authorization": "Bearer wrong"}, 401),
    ({**MINE, "origin": "https://evil.example"}, 403),
    ({**MINE, "origin": "null"}, 403),
    ({**MINE, "origin": "http://127.0.0.1:1"}, 403),
    ({**MINE, "host": "evil.example", "origin": "http://evil.example"}, 403),
]


@pytest.mark.parametrize(("headers", "status"), REFUSED)
async def test_other_pages_cannot_request_fills(
    browser: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    answer = await browser.post(PATH, headers=headers, json=ASKED)
    assert answer.status_code == status
    assert "nothing was done" in answer.json()["error"]["message"]


async def test_the_page_can_reach_only_its_fill_path(browser: httpx.AsyncClient) -> None:
    origin = {"origin": str(browser.base_url).rstrip("/")}
    for path in ("/v1/fill", "/v1/shutdown", "/v1/last"):
        answer = await browser.post(path, headers={**MINE, **origin}, json={})
        assert answer.status_code == 403, path


WRONG = ["", "[]", "{}", "[" * 1_000]
WRONG += [
    json.dumps({**ASKED, **wrong})
    for wrong in (
        {"parts": ["no gap"]},
        {"parts": [""] * 10},
        {"parts": ["", 1]},
        {"lines": 0},
        {"lines": True},
        {"lines": 9},
        {"name": 1},
        {"more": 1},
    )
]


@pytest.mark.parametrize("data", WRONG)
def test_a_body_that_the_page_never_sends_is_refused(data: str) -> None:
    with pytest.raises(EngineProtocolError, match="nothing was filled"):
        page_request(data.encode(), Budget())


def test_every_mark_is_a_gap() -> None:
    asked = {"parts": ["a = ", "\nb = ", "\n"], "name": "x.rs", "lines": 2}
    request = page_request(json.dumps(asked).encode(), Budget())
    assert request.parts == ("a = ", "\nb = ", "\n")
    assert [gap.max_lines for gap in request.gaps] == [2, 2]
    assert (request.language, request.path) == ("rust", "x.rs")
