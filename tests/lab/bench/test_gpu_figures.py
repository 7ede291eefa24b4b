"""The figures of `dgls bench gpu`: how they are taken, judged and shown."""

from __future__ import annotations

import pytest
import torch

from dgls.checkpoint.scheme import Scheme
from dgls.lab.bench.gpu.aims import aims
from dgls.lab.bench.gpu.figures import Figure, Problem, Results, number
from dgls.lab.bench.gpu.floor import bytes_of_step, experts_touched, weight_bytes
from dgls.lab.bench.gpu.parts import _repeated, _timed
from dgls.lab.bench.gpu.subject import FULL, TOY, Subject

CPU = torch.device("cpu")


def test_slow_runs_are_repeated_less_often() -> None:
    class Clock:
        size, time = FULL, 0.0

        def now(self) -> float:
            return self.time

    clock, runs = Clock(), []

    def run_for(seconds: float):
        def run() -> None:
            runs.append(seconds)
            clock.time += seconds

        return run

    assert _repeated(clock, run_for(5.0)) == pytest.approx(5.0)
    assert _timed(clock, run_for(9.0)) == pytest.approx(9.0)
    assert (runs.count(5.0), runs.count(9.0)) == (5, 2)
    assert _repeated(clock, run_for(0.01)) == pytest.approx(0.01)
    assert runs.count(0.01) == 2 + 3 * FULL.repeats


@pytest.mark.parametrize("scheme", list(Scheme))
def test_the_floor_counts_what_a_step_must_read(scheme) -> None:
    subject = Subject(TOY, scheme, CPU)
    past = subject.past(TOY.prefix)
    touched = experts_touched(subject, past, 8, 1)
    assert 4 <= touched <= 16
    body = subject.network.body
    every = bytes_of_step(subject, past, 16)
    prefix = sum(each.nbytes for each in (*past.visible().keys, *past.visible().values))
    assert every == weight_bytes(subject) + body.table.nbytes + prefix
    none = bytes_of_step(subject, past, 0)
    assert none < bytes_of_step(subject, past, touched) <= every
    if scheme is Scheme.NONE:
        # All but norms and scales, of which the floor counts three vectors, is counted once.
        state = subject.model.state_dict()
        weights = {each.data_ptr(): each.nbytes for each in state.values() if each.dim() > 1}
        assert weight_bytes(subject) == sum(weights.values()) + 2 * body.norm.nbytes


def test_the_published_size_is_what_is_measured() -> None:
    config = FULL.config().get_text_config()
    assert (config.hidden_size, config.num_hidden_layers, config.num_experts) == (2816, 30, 128)
    assert (FULL.prefix, FULL.gap, FULL.gap_steps, FULL.canvas_steps) == (2048, 32, 8, 16)


def test_aims_are_judged_by_the_figures() -> None:
    gap = "gap of 32, canvas 32, 8 steps"
    figures = [
        Figure("whole fills", "none", gap, 90.0, "ms"),
        Figure("transformers' generate()", "none", "canvas 256, 8 steps, prefix cached", 240, "ms"),
        Figure("transformers' generate()", "none", "canvas 32, 8 steps, prefix cached", 180, "ms"),
        Figure("one denoise step", "none", "canvas 64: share of the floor reached", 61.0, "%"),
    ]
    rows = [line.split("|")[2:4] for line in aims(figures, FULL).splitlines()[2:]]
    assert [(row[0].strip(), row[1].strip()) for row in rows] == [
        ("2.67 times as fast", "**no**"),
        ("2 times as fast", "yes"),
        ("90.0 ms", "yes"),
        ("61.0 %", "yes"),
        ("61.0 %", "**no**"),
    ]
    assert aims([], FULL) == ""


@pytest.mark.parametrize(
    ("value", "shown"), [(1234.5, "1234"), (45.67, "45.7"), (1.2345, "1.23"), (0.0, "0")]
)
def test_numbers_are_shown_with_three_digits(value, shown) -> None:
    assert number(value) == shown


def test_figures_are_listed_by_part_with_a_column_per_precision() -> None:
    results = Results("a machine", "dgls bench gpu")
    results.add([Figure("step", "none", "canvas 32", 9.5, "ms")])
    results.add([Figure("step", "4bit", "canvas 64", 3.25, "ms")])
    results.add([Figure("step", "none", "canvas 32", 7.5, "ms")])
    results.failed(Problem("fills", "4bit", "no time was left"))
    assert results.markdown().splitlines()[4:8] == [
        "| step | none | 4bit |",
        "|---|---:|---:|",
        "| canvas 32 (ms) | 9.5 | - |",
        "| canvas 64 (ms) | - | 3.25 |",
    ]
