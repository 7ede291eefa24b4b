"""The engine's counters and timers, as a page for Prometheus. Only numbers: no text, no path.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from dgls.protocol import FillReply, Timings

CONTENT_TYPE: str = prometheus_client.CONTENT_TYPE_LATEST

# A fill takes from a millisecond (an instant model) to many seconds.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STAGES = [item.name.removesuffix("_ms") for item in dataclasses.fields(Timings)]

# The creation time of each series would double the page; `process_start_time_seconds` shows a
# restart.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one engine since its start."""

    def __init__(self) -> None:
        own = self._registry = CollectorRegistry()
        self._requests = Counter(
            "dgls_requests",
            "Requests by endpoint and HTTP status.",
            ["endpoint", "status"],
            registry=own,
        )
        self._fills = Counter("dgls_fills", "Fills by how they ended.", ["outcome"], registry=own)
        self._prompt = Counter("dgls_prompt_tokens", "Tokens of all prompts.", registry=own)
        self._cached = Counter(
            "dgls_cached_tokens", "Prompt tokens that were not encoded again.", registry=own
        )
        self._steps = Counter("dgls_denoise_steps", "Steps of the fills answered.", registry=own)
        self._wasted = Counter(
            "dgls_stopped_fill_seconds",
            "Seconds that went into fills which were stopped.",
            registry=own,
        )
        self._stages = Histogram(
            "dgls_fill_seconds",
            "Seconds of each stage of a fill; `total` is all of it, the queue included.",
            ["stage"],
            registry=own,
            buckets=_SECONDS,
        )
        self._step_time = Histogram(
            "dgls_denoise_step_seconds",
            "Seconds of a denoise step, the mean of each fill.",
            registry=own,
            buckets=_SECONDS,
        )
        # Memory, CPU time and open files; empty without /proc.
        ProcessCollector(registry=own)

    def watch(self, name: str, what: str, value: Callable[[], float]) -> None:
        """Add a metric whose value is computed for each page."""
        Gauge(name, what, registry=self._registry).set_function(value)

    def answered(self, endpoint: str, status: int) -> None:
        """Count an answer."""
        self._requests.labels(endpoint, str(status)).inc()

    def ended(self, outcome: str) -> None:
        """Count a fill without a reply: "superseded", "cancelled", "failed", ..."""
        self._fills.labels(outcome).inc()

    def wasted(self, seconds: float) -> None:
        """Count the time of a stopped fill. May be called from any thread."""
        self._wasted.inc(seconds)

    def filled(self, reply: FillReply) -> None:
        """Count a reply and its cost."""
        outcome = "filled" if reply.complete else "late"
        self._fills.labels(outcome if reply.candidates else "encoded").inc()
        self._prompt.inc(reply.prompt_tokens)
        self._cached.inc(reply.cached_tokens)
        self._steps.inc(reply.steps)
        for stage in _STAGES:
            self._stages.labels(stage).observe(getattr(reply.timings, f"{stage}_ms") / 1000)
        if reply.steps:
            self._step_time.observe(reply.timings.denoise_ms / reply.steps / 1000)

    def page(self) -> bytes:
        """All metrics, in the text format of Prometheus."""
        return prometheus_client.generate_latest(self._registry)
