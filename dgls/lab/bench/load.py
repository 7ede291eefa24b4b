"""One engine under several editors: fills, latency, wasted work and savings."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence

from prometheus_client.parser import text_string_to_metric_families

from dgls.client import EngineClient
from dgls.client.api import EngineApi
from dgls.config import Settings
from dgls.lab.bench.editors import Typing, type_for
from dgls.lab.bench.machine import resident_mb
from dgls.lab.bench.series import Series
from dgls.lab.bench.typing.sessions import Session
from dgls.protocol import READ_AHEAD, FillReply, FillRequest

_WASTED = "dgls_stopped_fill_seconds_total"
_RESTARTS = 3
_POLL_S = 0.02
_COLD = 8
"""Prompts that are encoded without cache, to know what the cache saves."""
_COLD_CHARS = 1_000


async def editors_at_once(
    settings: Settings, sessions: Sequence[Session], editors: int, seconds: float
) -> list[Series]:
    """The figures of `editors` editors that type for `seconds` against one engine."""
    async with EngineClient(settings) as client:
        await client.wait_ready()
        cold_ms = await _cold_ms_per_token(client, sessions)
        before = await _wasted_s(client)
        begun = time.monotonic()
        typing = await type_for(settings, sessions, editors, seconds)
        took = time.monotonic() - begun
        wasted_ms = 1000 * (await _wasted_s(client) - before)
        health = await client.health()
        memory = resident_mb(health.pid) if health is not None else 0.0
    who = f"{editors} editor{'' if editors == 1 else 's'}"
    return [
        *_answers(who, typing, took),
        *_waste(who, typing, wasted_ms),
        *_savings(who, [each.reply for each in typing.outcomes if each.reply is not None], cold_ms),
        Series(f"{who}: memory of the engine", "MB", (memory,)),
    ]


async def restarts(settings: Settings) -> Series:
    """The time from killing the engine to the next fill's reply."""
    times = []
    request = FillRequest(("def area(r):\n    return ", "\n"), path="bench.py")
    for _ in range(_RESTARTS):
        # A separate front-end, because one gives up after three failures in a minute.
        async with EngineClient(settings) as client:
            await client.fill(request)
            health = await client.health()
            assert health is not None
            begun = time.perf_counter()
            os.kill(health.pid, signal.SIGKILL)
            while await client.health() is not None:
                await asyncio.sleep(_POLL_S)
            await client.wait_ready()
            await client.fill(request)
            times.append(1000 * (time.perf_counter() - begun))
    return Series("engine: killed, to the next reply", "ms", tuple(times))


def _answers(who: str, typing: Typing, took: float) -> list[Series]:
    answered = [each for each in typing.outcomes if each.reply is not None]
    waits = [each.reply.timings.queue_ms for each in answered if each.reply is not None]
    asked = len(typing.outcomes)
    left = 100 * (asked - len(answered)) / max(1, asked)
    return [
        Series(f"{who}: keystrokes", "1/s", (typing.keystrokes / took,)),
        Series(f"{who}: requests", "1/s", (asked / took,)),
        Series(f"{who}: replies", "1/s", (len(answered) / took,)),
        Series(f"{who}: request to reply", "ms", tuple(each.ms for each in answered)),
        Series(f"{who}: waiting for the model", "ms", tuple(waits)),
        Series(f"{who}: requests superseded by the next", "%", (left,)),
    ]


def _waste(who: str, typing: Typing, wasted_ms: float) -> list[Series]:
    keystrokes = max(1, typing.keystrokes)
    steps = sum(each.steps for each in typing.outcomes if each.reply is None)
    return [
        Series(f"{who}: denoise steps wasted per keystroke", "steps", (steps / keystrokes,)),
        Series(f"{who}: model time wasted per keystroke", "ms", (wasted_ms / keystrokes,)),
    ]


def _savings(who: str, replies: Sequence[FillReply], cold_ms: float) -> list[Series]:
    """The prefix cache's share, and the time that it saved at `cold_ms` per token."""
    prompt = sum(reply.prompt_tokens for reply in replies)
    cached = sum(reply.cached_tokens for reply in replies)
    saved = (reply.prompt_tokens * cold_ms - reply.timings.encode_ms for reply in replies)
    return [
        Series(f"{who}: prompt tokens from the cache", "%", (100 * cached / max(1, prompt),)),
        Series(f"{who}: encoding saved by the cache", "ms", tuple(saved)),
    ]


async def _cold_ms_per_token(client: EngineClient, sessions: Sequence[Session]) -> float:
    """The time per token of encoding an uncached prompt."""
    tokens, spent = 0, 0.0
    for number, session in enumerate(sessions[:_COLD]):
        # The path comes first in the prompt, so a unique one makes the cache miss.
        path = f"{number}-{time.monotonic_ns()}.py"
        parts = (session.before[-_COLD_CHARS:], session.after[:_COLD_CHARS])
        request = FillRequest(parts, path=path, limits=READ_AHEAD)
        reply = await client.fill(request)
        tokens += reply.prompt_tokens - reply.cached_tokens
        spent += reply.timings.encode_ms
    return spent / max(1, tokens)


async def _wasted_s(client: EngineClient) -> float:
    api = EngineApi(client.endpoint)
    try:
        page = await api.metrics()
    finally:
        api.close()
    families = text_string_to_metric_families(page)
    samples = (sample for family in families for sample in family.samples)
    return sum(sample.value for sample in samples if sample.name == _WASTED)
