"""A fill on a tiny random model that runs out of time or is stopped."""

from __future__ import annotations

import dataclasses
import threading
import time

import pytest

from dgls.errors import Stopped
from dgls.fill.stop import StopToken
from dgls.fill.strategy import Strategy
from dgls.protocol import Limits
from tests.fill.tiny import BOTH, REQUEST, fill


def slowly(model, seconds, monkeypatch):
    """Make every pass of the model take at least this long."""
    for name in ("canvas", "extend"):
        original = getattr(model.network, name)

        def slow(*arguments, original=original):
            time.sleep(seconds)
            return original(*arguments)

        monkeypatch.setattr(model.network, name, slow)


@pytest.mark.parametrize("strategy", [BOTH, Strategy(causal=False, noise=2)])
def test_out_of_time_the_best_so_far_is_the_answer(model, monkeypatch, strategy):
    fill(model, strategy=strategy)
    slowly(model, 0.03, monkeypatch)
    request = dataclasses.replace(REQUEST, limits=Limits(deadline_ms=80, candidates=9))
    began = time.monotonic()
    reply = fill(model, request, strategy)
    assert time.monotonic() - began < 0.3
    assert not reply.complete
    assert reply.candidates


def test_even_without_time_there_is_an_answer(model):
    request = dataclasses.replace(REQUEST, limits=Limits(deadline_ms=0.001))
    reply = fill(model, request)
    assert len(reply.candidates) == 1
    assert not reply.complete


def test_a_stop_ends_the_fill_within_a_step(model, monkeypatch):
    slowly(model, 0.02, monkeypatch)
    stop = StopToken()
    threading.Timer(0.1, lambda: stop.stop("superseded")).start()
    began = time.monotonic()
    with pytest.raises(Stopped, match="superseded"):
        fill(model, stop=stop)
    assert time.monotonic() - began < 0.3


def test_a_stop_before_the_start_prevents_the_fill(model):
    stop = StopToken()
    stop.stop()
    with pytest.raises(Stopped, match="cancelled"):
        fill(model, stop=stop)


def test_after_a_stop_the_next_fill_is_right(model, monkeypatch):
    expected = fill(model).candidates
    stop = StopToken()
    with monkeypatch.context() as patch:
        slowly(model, 0.01, patch)
        threading.Timer(0.05, stop.stop).start()
        with pytest.raises(Stopped):
            fill(model, stop=stop)
    assert [each.texts for each in fill(model).candidates] == [each.texts for each in expected]


def test_times_are_reported_by_stage(model):
    timings = fill(model).timings
    parts = timings.encode_ms + timings.draft_ms + timings.denoise_ms + timings.judge_ms
    assert 0 < parts <= timings.total_ms
