"""The page of `dgls serve --port` in a real Chromium: mark a gap, fill it, watch it."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.editors.vscode import CHROMIUM
from tests.support.served import ServedEngine

pytestmark = [
    pytest.mark.editor,
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason="There is no Chromium; run tests/editors/install_vscode.sh"
    ),
]

TOKEN = "of-the-page"


@pytest.fixture
async def address() -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    engine = ServedEngine(listener, page_token=TOKEN)
    engine.ready()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    await engine.end()


async def test_a_marked_gap_is_filled_without_loading_anything_else(
    address: str, tmp_path: Path
) -> None:
    from playwright.async_api import async_playwright, expect

    asked: list[str] = []
    complaints: list[str] = []
    async with async_playwright() as playwright, asyncio.timeout(120):
        browser = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--disable-gpu"], chromium_sandbox=False
        )
        page = await browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        await page.goto(f"{address}#{TOKEN}")
        code = page.get_by_label("Code", exact=True)
        await code.fill("x = <b>1</b> + ")
        await code.press("Alt+g")
        await code.press("Control+Enter")
        await expect(page.get_by_role("status")).to_have_text(re.compile("scripted: .* ms"))
        await expect(page.get_by_label("Candidates")).to_contain_text("50 %")
        # The fill is inserted as text, never as HTML.
        await expect(page.get_by_label("Filled code")).to_have_text("x = <b>1</b> + " * 2)
        assert await page.locator("#drafts div").count() == 2
        assert await page.locator("b").count() == 0

        await page.goto("about:blank")
        await page.goto(f"{address}#wrong")
        await page.get_by_role("button", name="Fill").click()
        await expect(page.get_by_role("alert")).to_contain_text("dgls serve --port printed")
        await browser.close()
    assert {url for url in asked if not url.startswith((address, "about:"))} == set()
    assert [text for text in complaints if "Content Security Policy" in text] == []
