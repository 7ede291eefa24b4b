"""The parts of the benchmark. A part takes a subject and yields figures; it may fail alone."""

from __future__ import annotations

import copy
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from dgls.lab.bench.gpu.figures import Figure
from dgls.lab.bench.gpu.floor import bytes_of_step, experts_touched, weight_bytes
from dgls.lab.bench.gpu.subject import Subject
from dgls.network.fast.writing import CausalWriter
from dgls.network.past import Past

_GB = 1e9

_ENOUGH_SECONDS = 2.0
"""A figure is not repeated for longer than this."""


def warming(subject: Subject, bandwidth: float) -> Iterator[Figure]:
    """A start after loading: a step of each canvas size, including the compilation of kernels."""
    make = _maker("load", subject, "s")
    begun = subject.now()
    subject.network.warm_up()
    yield make("a step of each canvas size, captured", subject.now() - begun)


def memory(subject: Subject, bandwidth: float) -> Iterator[Figure]:
    """The peak memory of encoding a long prompt and a whole canvas, including weights."""
    size = subject.size
    make = _maker("peak memory", subject, "GB of 10^9 bytes")
    yield make("weights", weight_bytes(subject) / _GB)
    subject.forget()
    past = subject.network.extend(subject.prompt(size.long_prefix), None)[1]
    for width in (size.gap, size.canvas):
        subject.fill(past, width, width, 2)
    if subject.device.type != "cuda":
        return
    where = f"prefix {size.long_prefix}, canvases {size.gap} and {size.canvas}"
    yield make(f"allocated, {where}", torch.cuda.max_memory_allocated() / _GB)
    yield make(f"reserved, {where}", torch.cuda.max_memory_reserved() / _GB)


def steps(subject: Subject, bandwidth: float) -> Iterator[Figure]:
    """One step for each canvas size, and the bytes that it must read."""
    for width in subject.size.canvases:
        step = _Step("one denoise step", f"canvas {width}", width)
        yield from _step(subject, bandwidth, step)


def candidates(subject: Subject, bandwidth: float) -> Iterator[Figure]:
    """One step of several canvases at once."""
    for rows in subject.size.rows:
        width = subject.size.gap
        step = _Step("candidates in one batch", f"{rows} x canvas {width}", width, rows)
        yield from _step(subject, bandwidth, step)


def fills(subject: Subject, bandwidth: float) -> Iterator[Figure]:
    """Whole fills after a cached prefix, from noise to tokens on the host."""
    size = subject.size
    make = _maker("whole fills", subject, "ms")
    past = subject.past(size.prefix)
    for width in (size.gap, 2 * size.gap):
        seconds = _timed(subject, partial(_to_host, subject, past, width))
        yield make(f"gap of {size.gap}, canvas {width}, {size.gap_steps} steps", 1000 * seconds)

    def whole() -> object:
        return subject.fill(past, size.canvas, size.canvas, size.canvas_steps).tokens.tolist()

    seconds = _timed(subject, whole)
    what = f"canvas {size.canvas}, all open, {size.canvas_steps} steps"
    yield make(what, 1000 * seconds)
    yield Figure("whole fills", str(subject.scheme), what, size.canvas / seconds, "tokens/s")


def prefixes(subject: Subject, bandwidth: float) -> Iterator[Figure]:
    """Encoding a prompt from nothing, and one more token of it."""
    size = subject.size
    make = _maker("encoding", subject, "ms")
    prompt, past = subject.prompt(size.prefix), subject.past(size.prefix)
    extend = subject.network.extend
    whole = _timed(subject, lambda: extend(prompt, None), runs=3)
    yield make(f"{size.prefix} tokens", 1000 * whole)
    yield make("16 tokens more", 1000 * _timed(subject, lambda: extend(prompt[:, :16], past)))


def written(subject: Subject, bandwidth: float) -> Iterator[Figure]:
    """The same number of tokens, written left to right by the same weights and kernels."""
    size = subject.size
    make = _maker("written from left to right", subject, "ms")
    past, writer = subject.past(size.prefix), CausalWriter(subject.network)
    for count in (size.gap, size.canvas):
        seconds = _timed(subject, partial(_written, writer, past, count))
        yield make(f"{count} tokens, prefix {size.prefix} cached", 1000 * seconds)


def _written(writer: CausalWriter, past: Past, count: int) -> object:
    return writer.write(past, 9, count).tolist()


def generate(subject: Subject, bandwidth: float) -> Iterator[Figure]:
    """transformers' own `generate()` with as many steps, and the library's encoder for the prefix.

    The prompt is cached except for its last token, which `generate()` must encode.
    """
    size, model = subject.size, subject.model
    make = _maker("transformers' generate()", subject, "ms")
    prompt = subject.prompt(size.prefix)
    with torch.inference_mode():
        seconds = _timed(subject, lambda: model.model.encoder(input_ids=prompt), runs=2)
        yield make(f"encoding {size.prefix} tokens", 1000 * seconds)
        cache = model.model.encoder(input_ids=prompt[:, :-1]).past_key_values
    for width, count in (
        (size.gap, size.gap_steps),
        (size.canvas, size.gap_steps),
        (size.canvas, size.canvas_steps),
    ):
        times = [_generated(subject, copy.deepcopy(cache), width, count) for _ in range(3)]
        what = f"canvas {width}, {count} steps, prefix cached"
        yield make(what, 1000 * statistics.median(times[1:]))


def _generated(subject: Subject, cache: Any, width: int, count: int) -> float:
    """Seconds of one call; the configuration sets the length of the canvas."""
    model = subject.model
    usual = model.config.canvas_length
    model.config.canvas_length = width
    try:
        begun = subject.now()
        model.generate(
            subject.prompt(subject.size.prefix)[:, -1:],
            past_key_values=cache,
            max_new_tokens=width,
            max_denoising_steps=count,
            # As with dgls: exactly this many steps.
            stability_threshold=count + 1,
            confidence_threshold=0.005,
            eos_token_id=None,
            pad_token_id=None,
        )
        return subject.now() - begun
    finally:
        model.config.canvas_length = usual


@dataclass(frozen=True, slots=True)
class _Step:
    """A denoise step of `rows` canvases, and the name of its figures."""

    part: str
    what: str
    width: int
    rows: int = 1


def _step(subject: Subject, bandwidth: float, step: _Step) -> Iterator[Figure]:
    size, scheme = subject.size, str(subject.scheme)
    part, what, width, rows = step.part, step.what, step.width, step.rows
    past = subject.past(size.prefix)
    batch = past.for_batch(rows)
    tokens = subject.prompt(width * rows).view(rows, width)
    open_ = torch.ones_like(tokens, dtype=torch.bool)
    generator = torch.Generator(subject.device).manual_seed(0)
    reader = subject.network.reader(batch)

    def one() -> object:
        return reader.read(tokens, open_, None, 1.0, generator)

    seconds = _repeated(subject, one)
    experts = experts_touched(subject, past, width, rows)
    least = bytes_of_step(subject, past, experts) / bandwidth
    yield Figure(part, scheme, what, 1000 * seconds, "ms")
    yield Figure(part, scheme, f"{what}: floor", 1000 * least, "ms")
    yield Figure(part, scheme, f"{what}: share of the floor reached", 100 * least / seconds, "%")
    yield Figure(part, scheme, f"{what}: experts touched, mean of layers", experts, "")


def _to_host(subject: Subject, past: Past, width: int) -> object:
    size = subject.size
    return subject.fill(past, size.gap, width, size.gap_steps).tokens.tolist()


def _repeated(subject: Subject, run: Callable[[], object]) -> float:
    """Seconds per run, of many runs without a sync in between; the best of three.

    A slow run, as in plain torch, is repeated less often.
    """
    run()
    begun = subject.now()
    run()
    once = subject.now() - begun
    count = max(1, min(subject.size.repeats, int(_ENOUGH_SECONDS / once)))
    best = float("inf")
    for _ in range(3):
        begun = subject.now()
        for _ in range(count):
            run()
        best = min(best, (subject.now() - begun) / count)
    return best


def _timed(subject: Subject, run: Callable[[], object], runs: int = 5) -> float:
    """Seconds of one run with a sync: the median of `runs` after a warm-up.

    A slow run is repeated less often.
    """
    run()
    times: list[float] = []
    while len(times) < runs and sum(times) < _ENOUGH_SECONDS:
        begun = subject.now()
        run()
        times.append(subject.now() - begun)
    return statistics.median(times)


def _maker(part: str, subject: Subject, unit: str) -> Callable[[str, float], Figure]:
    scheme = str(subject.scheme)
    return lambda what, value: Figure(part, scheme, what, value, unit)
