"""The number of threads of a pass, on a machine that becomes busy and idle again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import torch

from dgls.network.threads import Threads


class Machine:
    """A clock by which a pass takes more or less time with two threads than with one."""

    def __init__(self) -> None:
        self.now = 0.0
        self.with_two = 0.04

    def read(self, threads: Threads, rows: int = 1) -> int:
        """One pass; returns its number of threads."""
        begun = threads.begin(rows)
        taken = torch.get_num_threads()
        self.now += (self.with_two if taken == 2 else 0.06) * (1 + rows / 40)
        threads.end(rows, begun)
        return taken

    def passes(self, threads: Threads, count: int, rows: int = 1) -> list[int]:
        return [self.read(threads, rows) for _ in range(count)]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    machine, before = Machine(), torch.get_num_threads()
    torch.set_num_threads(2)
    monkeypatch.setattr("time.perf_counter", lambda: machine.now)
    yield machine
    torch.set_num_threads(before)


@pytest.mark.parametrize("rows", [1, 8, 300])
def test_the_quicker_number_of_threads_is_used_with_occasional_trials(
    machine: Machine, rows: int
) -> None:
    threads = Threads()
    machine.passes(threads, 4, rows)
    taken = machine.passes(threads, 48, rows)
    assert taken.count(1) == 4
    assert max(len(list(run)) for number, run in itertools.groupby(taken) if number == 1) == 1


def test_a_busy_machine_uses_half_its_threads_and_an_idle_one_all(
    machine: Machine,
) -> None:
    threads = Threads()
    machine.passes(threads, 24)
    machine.with_two = 0.3
    assert machine.passes(threads, 8)[1:] == [1] * 7
    machine.with_two = 0.04
    machine.passes(threads, 60)
    assert machine.passes(threads, 10).count(1) <= 1


def test_short_and_long_passes_are_timed_apart(machine: Machine) -> None:
    threads = Threads()
    machine.passes(threads, 6, 1)
    machine.with_two = 0.2
    machine.passes(threads, 6, 300)
    assert machine.read(threads, 300) == 1
    threads.choose(1)
    assert torch.get_num_threads() == 2


def test_a_single_thread_stays_a_single_thread(machine: Machine) -> None:
    torch.set_num_threads(1)
    threads = Threads()
    assert machine.passes(threads, 30) == [1] * 30
