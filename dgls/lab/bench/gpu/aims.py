"""The targets for the published model on one GPU, beside the measured figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from dgls.lab.bench.gpu.figures import Figure, number
from dgls.lab.bench.gpu.subject import Size

_VLLM_MS = 145.7
"""vLLM's published time for a canvas of 256 in 16 steps, in FP8 on an H100."""


@dataclass(frozen=True, slots=True)
class _Aim:
    what: str
    measured: float
    unit: str
    met: bool


def aims(figures: Sequence[Figure], size: Size) -> str:
    """A table of the targets that were measured; "" if none was."""
    found = list(_aims(_Lookup(figures), size))
    if not found:
        return ""
    lines = ["| aim | measured | met |", "|---|---:|---|"]
    lines += [f"| {a.what} | {number(a.measured)} {a.unit} | {_yes(a.met)} |" for a in found]
    return "\n".join(lines) + "\n"


class _Lookup:
    def __init__(self, figures: Sequence[Figure]) -> None:
        self._values = {(f.part, f.scheme, f.what, f.unit): f.value for f in figures}

    def get(self, part: str, scheme: str, what: str, unit: str) -> float | None:
        return self._values.get((part, scheme, what, unit))


def _aims(lookup: _Lookup, size: Size) -> Iterator[_Aim]:
    where = f"prefix {size.long_prefix}, canvases {size.gap} and {size.canvas}"
    gigabytes = "GB of 10^9 bytes"
    for kind in ("allocated", "reserved"):
        peak = lookup.get("peak memory", "4bit", f"{kind}, {where}", gigabytes)
        if peak is not None:
            yield _Aim(f"4-bit peak {kind} under 18 GB", peak, "GB", peak < 18)
    fill = lookup.get(
        "whole fills", "none", f"gap of {size.gap}, canvas {size.gap}, {size.gap_steps} steps", "ms"
    )
    if fill is not None:
        yield from _fill_aims(lookup, size, fill)
    yield from _others(lookup, size)
    canvas = size.canvases[min(1, len(size.canvases) - 1)]
    share = lookup.get(
        "one denoise step", "none", f"canvas {canvas}: share of the floor reached", "%"
    )
    if share is not None:
        for least in (50, 80):
            what = f"at least {least} % of the bandwidth floor, bf16, canvas {canvas}"
            yield _Aim(what, share, "%", share >= least)


def _others(lookup: _Lookup, size: Size) -> Iterator[_Aim]:
    """Comparisons with published figures, and with left-to-right writing."""
    for scheme, name in (("none", "bf16"), ("4bit", "4-bit")):
        whole = f"canvas {size.canvas}, all open, {size.canvas_steps} steps"
        gap = f"gap of {size.gap}, canvas {size.gap}, {size.gap_steps} steps"
        for count, what in ((size.canvas, whole), (size.gap, gap)):
            fill = lookup.get("whole fills", scheme, what, "ms")
            tokens = f"{count} tokens, prefix {size.prefix} cached"
            written = lookup.get("written from left to right", scheme, tokens, "ms")
            if fill is not None and written is not None:
                aim = f"{what}, {name}: not slower than writing them from left to right"
                yield _Aim(aim, written / fill, "times as fast", fill <= written)
        fill = lookup.get("whole fills", scheme, whole, "ms")
        if fill is not None and size.name == "full":
            aim = f"{whole}, {name}: not slower than vLLM's published {_VLLM_MS} ms (FP8, H100)"
            yield _Aim(aim, fill, "ms", fill <= _VLLM_MS)


def _fill_aims(lookup: _Lookup, size: Size, fill: float) -> Iterator[_Aim]:
    gap = f"{size.gap}-token gap, bf16"
    checks: tuple[tuple[int, str, Callable[[float], bool]], ...] = (
        (size.canvas, "at least 3 times as fast as", lambda times: times >= 3),
        (size.gap, "not slower than", lambda times: times >= 1),
    )
    for width, wanted, holds in checks:
        what = f"canvas {width}, {size.gap_steps} steps, prefix cached"
        theirs = lookup.get("transformers' generate()", "none", what, "ms")
        if theirs is not None:
            times = theirs / fill
            aim = f"{gap}: {wanted} generate() with a canvas of {width}"
            yield _Aim(aim, times, "times as fast", holds(times))
    yield _Aim(f"{gap}, {size.gap_steps} steps: under 100 ms", fill, "ms", fill < 100)


def _yes(met: bool) -> str:
    return "yes" if met else "**no**"
