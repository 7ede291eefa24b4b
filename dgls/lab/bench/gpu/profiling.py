"""Profiles a step: the kernels that it launches, the slowest first."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.profiler import ProfilerActivity

from dgls.lab.bench.gpu.figures import Figure
from dgls.lab.bench.gpu.subject import Subject

_RUNS = 3
_MOST = 14


def profile(subject: Subject, bandwidth: float) -> Iterator[Figure]:
    """The kernels of one step over the smallest and the whole canvas, with their times."""
    for width in (subject.size.gap, subject.size.canvas):
        yield from _kernels(subject, width)


def _kernels(subject: Subject, width: int) -> Iterator[Figure]:
    tokens = subject.prompt(width)
    everywhere = torch.ones_like(tokens, dtype=torch.bool)
    generator = torch.Generator(subject.device).manual_seed(0)
    reader = subject.network.reader(subject.past(subject.size.prefix))
    reader.read(tokens, everywhere, None, 1.0, generator)
    subject.wait()
    on_gpu = subject.device.type == "cuda"
    watched = ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU
    with torch.profiler.profile(activities=[watched]) as profiler:
        for _ in range(_RUNS):
            reader.read(tokens, everywhere, None, 1.0, generator)
        subject.wait()
    taken = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    found = sorted(profiler.key_averages(), key=lambda each: -getattr(each, taken))
    part = f"kernels of one step, canvas {width}"
    for each in found[:_MOST]:
        what = f"{each.key[:60]}, {each.count / _RUNS:.0f} times"
        yield Figure(part, str(subject.scheme), what, getattr(each, taken) / _RUNS, "µs")
    rest = sum(getattr(each, taken) for each in found[_MOST:])
    yield Figure(part, str(subject.scheme), "all others", rest / _RUNS, "µs")
