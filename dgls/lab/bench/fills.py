"""The model alone: one-line fills, automatic and explicit, after typical actions in an editor."""

from __future__ import annotations

import argparse
import csv
import inspect
import itertools
import json
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from dgls.client import EngineClient
from dgls.config import Settings
from dgls.lab.bench.machine import resident_mb
from dgls.lab.bench.series import Series
from dgls.protocol import READ_AHEAD, FillReply, FillRequest, Limits, Trigger
from dgls.requests.builder import Asker, Task, budget_of, limits_of
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text.indentation import indentation
from dgls.text.spans import Span

_MODULES = (argparse, csv, inspect, json, textwrap)
"""Sources that every Python installation has."""

_MIN_LINE = 24
_HOP = 37
"""Lines from one place to the next: odd, so that the places differ."""


@dataclass(frozen=True, slots=True)
class _Fill:
    reply: FillReply
    total_ms: float


async def one_line_fills(settings: Settings, count: int) -> list[Series]:
    """Fills at `count` places, with each of `_MOVES` at every place."""
    found: dict[str, list[_Fill]] = {}
    begun = time.perf_counter()
    async with EngineClient(settings) as client:
        await client.wait_ready()
        started = 1000 * (time.perf_counter() - begun)
        try:
            for place in itertools.islice(_places(), count):
                for what, request in _requests(settings, place):
                    found.setdefault(what, []).append(await _timed(client, request))
                    # As much as the pauses during typing allow to be read.
                    await client.fill(replace(request, limits=READ_AHEAD))
            health = await client.health()
            memory = resident_mb(health.pid) if health is not None else 0.0
        finally:
            await client.stop_engine()
    name = next((fills[0].reply.model for fills in found.values()), settings.model.name)
    return [
        Series(f"engine: start with the model {name}", "ms", (started,)),
        Series("engine: memory with the model", "MB", (memory,)),
        *(series for what, fills in found.items() for series in _series(what, fills)),
    ]


def _series(what: str, fills: list[_Fill]) -> list[Series]:
    """The figures of the fills. A server reports neither passes nor encoding time."""
    replies = [fill.reply for fill in fills]
    stepped = [reply for reply in replies if reply.steps]
    shares = [100 * r.cached_tokens / r.prompt_tokens for r in replies if r.prompt_tokens]
    written = sum(reply.written for reply in replies)
    passes = tuple(float(reply.passes or reply.steps) for reply in replies)
    each = {
        "": ("ms", tuple(fill.total_ms for fill in fills)),
        "encode": ("ms", tuple(r.timings.encode_ms for r in replies if r.timings.encode_ms)),
        "prompt tokens from the cache": ("%", tuple(shares)),
        "a pass": ("ms", tuple(r.timings.denoise_ms / r.steps for r in stepped)),
        "passes": ("passes", passes if stepped else ()),
        "tokens a pass, drafts verified": (
            "tokens",
            (written / sum(reply.steps for reply in stepped),) if written else (),
        ),
    }
    named = ((f"{what}: {name}" if name else what, *rest) for name, rest in each.items())
    return [Series(name, unit, values) for name, unit, values in named if any(values)]


async def _timed(client: EngineClient, request: FillRequest) -> _Fill:
    begun = time.perf_counter()
    reply = await client.fill(request)
    return _Fill(reply, 1000 * (time.perf_counter() - begun))


@dataclass(frozen=True, slots=True)
class _Place:
    """A cursor within a line of code: the text before it, the rest of the line, what follows."""

    module: str
    before: str
    rest: str
    after: str

    @property
    def line_head(self) -> str:
        """The text before the cursor on its line."""
        return self.before.rpartition("\n")[2]


_MOVES: tuple[tuple[str, Trigger, Callable[[_Place], tuple[str, str]]], ...] = (
    (
        "fill after a jump (cold)",
        Trigger.AUTOMATIC,
        lambda p: (p.before, p.after),
    ),
    (
        "fill after a character (warm)",
        Trigger.AUTOMATIC,
        lambda p: (p.before + p.rest[:1], p.after),
    ),
    (
        "fill after an auto-closed bracket",
        Trigger.AUTOMATIC,
        lambda p: (p.before + p.rest[:1] + "(", ")" + p.after),
    ),
    (
        "fill after the line was typed on and Enter",
        Trigger.AUTOMATIC,
        lambda p: (f"{p.before}{p.rest}\n{indentation(p.line_head)}", p.after),
    ),
    (
        "fill that was asked for (warm)",
        Trigger.EXPLICIT,
        lambda p: (p.before + p.rest[:1], p.after),
    ),
)
"""The fills at each place, in order: name, trigger, and the text around the gap."""


def _places() -> Iterator[_Place]:
    """An endless sequence of places inside a line of code."""
    for number in itertools.count():
        for module in _MODULES:
            text = inspect.getsource(module)
            source = Source.parse(text, language_of("bench.py"))
            line = _line_of_code(source, _HOP * (number + 1))
            cursor = line.start + (len(line) + len(indentation(line.of(text)))) // 2
            yield _Place(module.__name__, text[:cursor], text[cursor : line.end], text[line.end :])


def _requests(settings: Settings, place: _Place) -> Iterator[tuple[str, FillRequest]]:
    """The requests of an editor at a place, with their names."""
    fill = settings.fill
    for what, trigger, around in _MOVES:
        before, after = around(place)
        source = Source.parse(before + after, language_of("bench.py"))
        gap = Span(len(before), len(before))
        asker = Asker(trigger=trigger, path=f"{place.module}.py")
        task = Task.at(source, [gap], budget_of(fill), lines=1)
        yield what, task.request(asker, Limits(candidates=limits_of(fill, trigger).candidates))


def _line_of_code(source: Source, wanted: int) -> Span:
    """The first long line from line `wanted` on, wrapping around at the end."""
    lines = source.lines
    count = len(lines.starts)
    for number in range(count):
        span = lines.span((wanted + number) % count)
        if len(span.of(source.text).strip()) >= _MIN_LINE:
            return span
    return lines.span(0)
