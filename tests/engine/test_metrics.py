"""An engine's metrics: they count what happened, and contain no code."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from dgls.engine.metrics import Metrics
from dgls.protocol import Fill, FillReply, FillRequest, Timings, Trigger
from dgls.protocol_json import to_json
from tests.support.backends import SECRET
from tests.support.served import WAIT_S, ServedEngine

DOCS = Path(__file__).parents[2] / "docs" / "protocol.md"


def figures(page: bytes) -> dict[tuple[str, ...], float]:
    """Every sample by its name and label values."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def fill(path: str = "a.py", trigger: Trigger = Trigger.EXPLICIT, prefix: str = SECRET) -> str:
    return to_json(FillRequest((prefix, ""), path=path, client="c", method="m", trigger=trigger))


async def test_fills_and_errors_are_counted(engine: ServedEngine, http: httpx.AsyncClient) -> None:
    await http.post("/v1/fill", content=fill())
    await http.post("/v1/fill?stream=1", content=fill())
    await http.post("/v1/fill", content=fill("refuse.py"))
    await http.post("/v1/fill", content=fill("bug.py"))
    await http.post("/v1/fill", content="{")
    await http.post("/infill", json={"input_prefix": SECRET, "input_suffix": ""})
    await http.get(f"/{SECRET}")
    response = await http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert SECRET not in response.text
    found = figures(response.content)
    assert found["dgls_requests_total", "/v1/fill", "200"] == 2
    assert found["dgls_requests_total", "/v1/fill", "422"] == 1
    assert found["dgls_requests_total", "/v1/fill", "500"] == 1
    assert found["dgls_requests_total", "/v1/fill", "400"] == 1
    assert found["dgls_requests_total", "/infill", "200"] == 1
    assert found["dgls_requests_total", "other", "404"] == 1
    assert found["dgls_fills_total", "filled"] == 3
    assert found["dgls_fills_total", "refused"] == 1
    assert found["dgls_fills_total", "failed"] == 1
    assert found["dgls_denoise_steps_total",] == 6
    assert found["dgls_fill_seconds_count", "total"] == 3
    assert (found["dgls_ready",], found["dgls_requests_in_progress",]) == (1, 0)


async def test_supersessions_and_cancels_are_counted_apart(
    engine: ServedEngine, http: httpx.AsyncClient
) -> None:
    automatic = fill("forever.py", Trigger.AUTOMATIC)
    older = asyncio.ensure_future(http.post("/v1/fill", content=automatic))
    scheduler = engine.service.scheduler
    assert scheduler is not None
    async with asyncio.timeout(WAIT_S):
        while scheduler.idle_seconds() > 0:
            await asyncio.sleep(0.002)
    newer = asyncio.ensure_future(http.post("/v1/fill", content=automatic))
    assert (await older).status_code == 409
    newer.cancel()
    async with asyncio.timeout(WAIT_S):
        # Both are answered at once; the engine counts their cost when its thread notices.
        found = figures((await http.get("/metrics")).content)
        while not (
            ("dgls_fills_total", "cancelled") in found
            and found["dgls_stopped_fill_seconds_total",] > 0
        ):
            await asyncio.sleep(0.002)
            found = figures((await http.get("/metrics")).content)
    assert found["dgls_fills_total", "superseded"] == 1
    assert found["dgls_fills_total", "cancelled"] == 1
    assert ("dgls_fills_total", "filled") not in found


def test_a_reply_is_counted_with_its_costs() -> None:
    metrics = Metrics()
    times = Timings(1.0, 20.0, 30.0, 60.0, 4.0, 115.0)
    best = (Fill(("x",), 0.0, 1.0),)
    metrics.filled(
        FillReply(best, "m", steps=6, prompt_tokens=100, cached_tokens=90, timings=times)
    )
    metrics.filled(FillReply(best, "m", complete=False, prompt_tokens=10))
    metrics.filled(FillReply((), "m"))
    found = figures(metrics.page())
    outcomes = [found["dgls_fills_total", name] for name in ("filled", "late", "encoded")]
    assert outcomes == [1, 1, 1]
    assert (found["dgls_prompt_tokens_total",], found["dgls_cached_tokens_total",]) == (110, 90)
    assert found["dgls_denoise_step_seconds_sum",] == 0.01
    assert found["dgls_denoise_step_seconds_count",] == 1
    assert found["dgls_fill_seconds_sum", "encode"] == 0.02


async def test_the_page_names_every_figure(engine: ServedEngine, http: httpx.AsyncClient) -> None:
    await http.post("/v1/fill", content=fill())
    page = DOCS.read_text(encoding="utf-8")
    for family in text_string_to_metric_families((await http.get("/metrics")).text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert name in page or name.startswith("process_"), name
