"""Runs one job in this process: makes a model and measures part after part.

As a program (`python -m dgls.lab.bench.gpu.measuring`) it reads the job from standard input and
writes messages to standard output.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

import torch

from dgls.checkpoint.scheme import Scheme
from dgls.lab.bench.gpu import parts
from dgls.lab.bench.gpu.checking import kernels
from dgls.lab.bench.gpu.equality import equality
from dgls.lab.bench.gpu.figures import Figure, Problem
from dgls.lab.bench.gpu.floor import bandwidth
from dgls.lab.bench.gpu.loading import quantising, storing
from dgls.lab.bench.gpu.messages import About, Begun, Died, Job, Message, decoded_job, encoded
from dgls.lab.bench.gpu.profiling import profile
from dgls.lab.bench.gpu.subject import SIZES, Subject
from dgls.lab.bench.gpu.tuning import tiles
from dgls.lab.bench.machine import machine

Part = Callable[[Subject, float], Iterable[Figure | Problem]]

PARTS: Mapping[str, Part] = {
    "warming": parts.warming,
    "memory": parts.memory,
    # After the peak of memory is read, because its fp32 weights would raise it.
    "kernels": kernels,
    "equality": equality,
    "steps": parts.steps,
    "fills": parts.fills,
    "generate": parts.generate,
    "written": parts.written,
    "candidates": parts.candidates,
    "encoding": parts.prefixes,
    "quantising": quantising,
    "tiles": tiles,
    # The last timed part, because profiling may slow down later kernels.
    "profile": profile,
    "storing": storing,
}
"""In the order of measurement: the most important come first."""

LOADING = "load"
"""The part before all others."""

_OF_SOME = {
    "generate": (Scheme.NONE,),
    "quantising": (Scheme.FOUR,),
    "storing": (Scheme.FOUR,),
}
"""Parts that make sense for some schemes only.

With few bits the library's class dequantises the experts one by one, which takes minutes and is
never used.
"""

LATE = ("storing",)
"""Parts that depend on the disk: they run after every scheme had its turn."""

_OF_8_BITS = ("warming", "memory", "kernels", "steps", "fills", "tiles", "profile")
"""8 bits lie between the other schemes, so only cost and time profile are measured."""


def parts_of(scheme: Scheme) -> tuple[str, ...]:
    """The parts to measure for the scheme."""
    if scheme is Scheme.EIGHT:
        return _OF_8_BITS
    return tuple(name for name in PARTS if scheme in _OF_SOME.get(name, tuple(Scheme)))


def measured(job: Job) -> Iterator[Message]:
    """Run the job; each figure is sent at once. A failure costs only the rest of its part."""
    device = torch.device(job.device)
    yield Begun(LOADING)
    try:
        imported = time.time() - job.asked_at
        yield About(_where(device))
        speed = bandwidth(device, SIZES[job.size].copied)
        if not job.again:
            what = "memory bandwidth, bytes read and written by a copy"
            yield Figure("machine", job.scheme, what, speed / 1e9, "GB/s")
        subject = yield from _loaded(job, device, imported)
    except Exception as error:  # the parent process decides what may work instead
        yield Problem.of(LOADING, job.scheme, error)
        yield Died("could not load the model")
        return
    for name in job.parts:
        if time.time() > job.until:
            return
        yield Begun(name)
        yield from _guarded(name, subject, speed)
        if not _works(device):
            yield Died("lost the GPU to an error in a kernel")
            return


def _loaded(job: Job, device: torch.device, imported: float) -> Generator[Message, None, Subject]:
    """The loaded subject, and the time from nothing to its first fill."""
    size = SIZES[job.size]
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    begun = time.perf_counter()
    subject = Subject(size, Scheme(job.scheme), device, plain=job.plain)
    loaded = subject.now() - begun
    yield from _first_fill(subject)
    filled = subject.now() - begun - loaded
    start = "load, kernels compiled before" if job.again else LOADING
    for what, seconds in (
        ("process started, libraries imported", imported),
        ("weights drawn and put together", loaded),
        (f"first encoding of {size.prefix} tokens and first fill", filled),
        ("all of it", imported + loaded + filled),
    ):
        yield Figure(start, job.scheme, what, seconds, "s")
    return subject


def _first_fill(subject: Subject) -> Iterator[Message]:
    """Fill once. On failure try uncaptured, then plain torch, and report the problems."""
    lesser = [("plain torch was", subject.use_plain)]
    if subject.network.captures:
        lesser.insert(0, ("kernels without captured steps were", subject.use_uncaptured))
    while True:
        try:
            _fill_once(subject)
            return
        except Exception as error:
            if subject.is_plain or not _works(subject.device):
                raise
            name, use = lesser.pop(0)
            problem = Problem.of("kernels", str(subject.scheme), error)
            yield replace(problem, what=f"{name} measured instead: {problem.what}")
            use()


def _fill_once(subject: Subject) -> None:
    size = subject.size
    past = subject.past(size.prefix)
    subject.fill(past, size.gap, size.gap, size.gap_steps).tokens.tolist()


def _guarded(name: str, subject: Subject, speed: float) -> Iterator[Message]:
    """A part's figures, up to its failure if it fails."""
    try:
        yield from PARTS[name](subject, speed)
    except Exception as error:  # the other parts should still be measured
        yield Problem.of(name, str(subject.scheme), error)
    # Free what a failed part held, and return cached memory to the GPU.
    gc.collect()
    if subject.device.type == "cuda" and _works(subject.device):
        torch.cuda.empty_cache()


def _works(device: torch.device) -> bool:
    """Whether the GPU still answers this process; after a kernel fault it never does."""
    if device.type != "cuda":
        return True
    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        return False
    return True


def _where(device: torch.device) -> str:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU"
    versions = [f"{package} {_version(package)}" for package in ("transformers", "triton")]
    return ", ".join([name, machine(), *versions])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def main() -> None:
    """Run the job from standard input."""
    # A separate channel, because libraries may print between the messages.
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for message in measured(decoded_job(sys.stdin.readline())):
        channel.write(encoded(message))
        channel.flush()
    # Not by a normal exit, which can hang after the GPU was lost.
    os._exit(0)


if __name__ == "__main__":
    main()
