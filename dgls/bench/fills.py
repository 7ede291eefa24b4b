"""The model: one-line fills with a cold and a warm prefix cache."""

from __future__ import annotations

import argparse
import csv
import inspect
import itertools
import json
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from dgls.bench.machine import resident_mb
from dgls.bench.series import Series
from dgls.client import EngineClient
from dgls.config import Settings
from dgls.protocol import FillReply, FillRequest, Limits
from dgls.syntax.cursor import Budget, context_at
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text import Span

_MODULES = (argparse, csv, inspect, json, textwrap)
"""Sources that every Python has."""

_LEAST_LINE = 24
_HOP = 37
"""Lines from one place to the next: odd, so that places differ in what they are."""


@dataclass(frozen=True, slots=True)
class _Fill:
    reply: FillReply
    total_ms: float


async def one_line_fills(settings: Settings, count: int) -> list[Series]:
    """Fills at `count` places: the first at each is cold, the next, a character on, is warm."""
    cold, warm = [], []
    begun = time.perf_counter()
    async with EngineClient(settings) as client:
        await client.wait_ready()
        started = 1000 * (time.perf_counter() - begun)
        try:
            for first, second in itertools.islice(_pairs(settings), count):
                cold.append(await _timed(client, first))
                warm.append(await _timed(client, second))
            health = await client.health()
            memory = resident_mb(health.pid) if health is not None else 0.0
        finally:
            await client.stop_engine()
    name = cold[0].reply.model if cold else settings.model.name
    return [
        Series(f"engine: start with the model {name}", "ms", (started,)),
        Series("engine: memory with the model", "MB", (memory,)),
        *_series("cold", cold),
        *_series("warm", warm),
    ]


def _series(kind: str, fills: list[_Fill]) -> list[Series]:
    """The figures of the fills; a server tells neither its steps nor its time for encoding."""
    stepped = [fill.reply for fill in fills if fill.reply.steps]
    share = [_cached_share(fill.reply) for fill in fills]
    encoding = tuple(fill.reply.timings.encode_ms for fill in fills)
    per_step = [reply.timings.denoise_ms / reply.steps for reply in stepped]
    return [
        Series(f"one-line fill, {kind} prefix", "ms", tuple(fill.total_ms for fill in fills)),
        Series(f"encode, {kind} prefix", "ms", encoding if any(encoding) else ()),
        Series(f"prompt tokens from the cache, {kind} prefix", "%", tuple(share)),
        Series(f"denoise step, {kind} prefix", "ms", tuple(per_step)),
        Series(
            f"denoise steps per fill, {kind} prefix",
            "steps",
            tuple(float(fill.reply.steps) for fill in fills) if stepped else (),
        ),
    ]


async def _timed(client: EngineClient, request: FillRequest) -> _Fill:
    begun = time.perf_counter()
    reply = await client.fill(request)
    return _Fill(reply, 1000 * (time.perf_counter() - begun))


def _cached_share(reply: FillReply) -> float:
    return 100 * reply.cached_tokens / max(1, reply.prompt_tokens)


def _pairs(settings: Settings) -> Iterator[tuple[FillRequest, FillRequest]]:
    """Requests inside a line of code, and again after its next character was typed."""
    for number in itertools.count():
        for module in _MODULES:
            source = Source.parse(inspect.getsource(module), language_of("bench.py"))
            line = _line_of_code(source, _HOP * (number + 1))
            cursor = line.start + (len(line) + _indent(source, line)) // 2
            end = line.end
            yield (
                _request(settings, source, module.__name__, Span(cursor, end)),
                _request(settings, source, module.__name__, Span(cursor + 1, end)),
            )


def _line_of_code(source: Source, wanted: int) -> Span:
    """The first long line from line `wanted` on, around the end if need be."""
    lines = source.lines
    count = len(lines.starts)
    for number in range(count):
        span = lines.span((wanted + number) % count)
        if len(span.of(source.text).strip()) >= _LEAST_LINE:
            return span
    return lines.span(0)


def _indent(source: Source, line: Span) -> int:
    text = line.of(source.text)
    return len(text) - len(text.lstrip())


def _request(settings: Settings, source: Source, name: str, gap: Span) -> FillRequest:
    fill = settings.fill
    context = context_at(source, [gap], Budget(fill.prefix_chars, fill.suffix_chars))
    limits = Limits(candidates=fill.candidates)
    return replace(FillRequest(context.parts), path=f"{name}.py", limits=limits)
