"""Fills in several threads share passes, fail alone, and never wait for one that has ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import pytest
import torch

from dgls.errors import ModelMemoryError, Stopped
from dgls.network.fused import FusedNetwork
from dgls.network.interface import Extension, Network, Reading
from dgls.network.sharing import PassCounts, SharedNetwork
from tests.support.checkpoints import VOCABULARY, tiny_model

torch.set_num_threads(1)

WAIT_S = 30.0


def tokens(seed: int, rows: int, length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(8, VOCABULARY, (rows, length), generator=generator)


class Narrow(FusedNetwork):
    """The real network, on a device whose memory holds `room` tokens of a pass."""

    room = 10**9
    widths: list[int]

    def extend_all(self, wanted):
        self._take(wanted)
        return super().extend_all(wanted)

    def canvas_all(self, wanted):
        self._take(wanted)
        return super().canvas_all(wanted)

    def _take(self, wanted: list[Extension] | list[Reading]) -> None:
        self.widths.append(len(wanted))
        if any(bool((each.tokens == BAD).any()) for each in wanted):
            raise ValueError("a fault")
        if sum(each.tokens.numel() for each in wanted) > self.room:
            raise self.error


BAD = 7
ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory."),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
]


@pytest.fixture
def network() -> Narrow:
    network = Narrow(tiny_model(layers=1))
    network.widths = []
    network.error = ERRORS[0]
    return network


def together(shared: SharedNetwork, *fills: Callable[[], object]) -> list[object]:
    """What each fill returned or raised; none begins before all are ready."""
    outcomes: list[object] = [None] * len(fills)

    def run(index: int) -> None:
        try:
            with shared.taking_part():
                outcomes[index] = fills[index]()
        except Exception as error:
            outcomes[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(fills))]
    with shared.taking_part():
        for thread in threads:
            thread.start()
        give_up = time.monotonic() + WAIT_S
        while shared._coming < len(fills) and time.monotonic() < give_up:
            time.sleep(0.001)
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    return outcomes


def draft(network: Network, seed: int, length: int) -> list[torch.Tensor]:
    """A fill's passes: a prompt, `length` tokens after it, and two steps of a canvas."""
    states, past = network.extend(tokens(seed, 1, 9 + seed), None)
    found = [states]
    for step in range(length):
        states, past = network.extend(tokens(step, 1, 1), past)
        found.append(network.unembed(states))
    logits = network.canvas(tokens(50 + seed, 1, 6), past, None)
    return [*found, logits, network.canvas(logits.argmax(dim=-1), past, logits)]


def test_shared_fills_equal_separate_ones_in_fewer_passes(network):
    shared = SharedNetwork(network)
    lengths = (3, 5, 4)
    fills = [partial(draft, shared, seed, length) for seed, length in enumerate(lengths)]
    alone = [fill() for fill in fills]
    asked = shared.counts.asked
    assert shared.counts == PassCounts(asked=asked, run=asked)
    for found, expected in zip(together(shared, *fills), alone, strict=True):
        for one, other in zip(found, expected, strict=True):
            assert torch.allclose(one, other, atol=1e-3)
            assert torch.equal(one.argmax(dim=-1), other.argmax(dim=-1))
    assert shared.counts.asked == 2 * asked
    # The longest fill decides alone, except at the end, where steps and tokens differ.
    assert shared.counts.run - asked < asked / 2
    assert max(network.widths) == 3


def test_each_fill_counts_its_own_passes(network):
    shared = SharedNetwork(network)

    def passes(length: int) -> int:
        with shared.taking_part() as share:
            draft(shared, 0, length)
            return share.passes

    assert [passes(2), passes(5)] == [5, 8]


def test_a_stopped_fill_does_not_stop_the_others(network):
    shared = SharedNetwork(network)

    def stopped() -> None:
        draft(shared, 0, 2)
        raise Stopped("superseded")

    error, found, at_once = together(
        shared, stopped, lambda: draft(shared, 1, 9), lambda: "no pass at all"
    )
    assert isinstance(error, Stopped)
    assert torch.allclose(found[-1], draft(network, 1, 9)[-1], atol=1e-3)
    assert at_once == "no pass at all"


def test_a_later_fill_joins_the_running_ones(network):
    shared = SharedNetwork(network)
    came = threading.Event()
    found: list[object] = []

    def late() -> None:
        came.set()
        with shared.taking_part():
            found.append(draft(shared, 1, 2))

    thread = threading.Thread(target=late)
    give_up = time.monotonic() + WAIT_S
    with shared.taking_part():
        shared.extend(tokens(0, 1, 5), None)
        thread.start()
        assert came.wait(WAIT_S)
        # It never ends, and yet the other one does.
        while not found and time.monotonic() < give_up:
            shared.extend(tokens(0, 1, 5), None)
    thread.join(WAIT_S)
    assert len(found) == 1


def test_an_error_in_one_fill_does_not_affect_the_others(network):
    shared = SharedNetwork(network)
    bad = torch.full((1, 3), BAD)
    good, failed, other = together(
        shared,
        lambda: draft(shared, 0, 2),
        lambda: shared.extend(bad, None),
        lambda: draft(shared, 1, 2),
    )
    assert isinstance(failed, ValueError)
    for seed, found in ((0, good), (1, other)):
        assert torch.allclose(found[-1], draft(network, seed, 2)[-1], atol=1e-3)


@pytest.mark.parametrize("error", ERRORS, ids=["CUDA", "Python", "torch on a CPU"])
def test_out_of_memory_prompts_are_dropped_first(network, error):
    network.error = error

    def relieve() -> None:
        network.room = 10**9

    shared = SharedNetwork(network, relieve)
    network.room = 3
    states, _ = shared.extend(tokens(0, 1, 9), None)
    assert torch.equal(states, network.extend(tokens(0, 1, 9), None)[0])
    assert shared.counts == PassCounts(asked=1, run=2, short=1)


def test_out_of_memory_several_fills_run_apart(network):
    shared = SharedNetwork(network)
    network.room = 15
    found = together(shared, *(partial(draft, shared, seed, 1) for seed in range(3)))
    for seed, outcome in enumerate(found):
        assert torch.allclose(outcome[-1], draft(network, seed, 1)[-1], atol=1e-3)
    assert shared.counts.short > 0


def test_out_of_memory_rows_run_apart(network):
    _, past = network.extend(tokens(0, 1, 9), None)
    canvas, new = tokens(1, 4, 6), tokens(2, 4, 2)
    logits = network.canvas(canvas, past.for_batch(4), None)
    states, after = network.extend(new, past.for_batch(4))
    conditioned = network.canvas(canvas, past.for_batch(4), logits)
    shared = SharedNetwork(network)
    network.room = 6
    assert torch.allclose(shared.canvas(canvas, past.for_batch(4), logits), conditioned, atol=1e-3)
    found, found_after = shared.extend(new, past.for_batch(4))
    assert torch.allclose(found, states, atol=1e-4)
    assert found_after.length == after.length
    assert torch.allclose(found_after.keys[0], after.keys[0], atol=1e-4)


def test_a_pass_too_large_alone_is_refused_and_the_next_fill_works(network):
    shared = SharedNetwork(network)
    network.room = 12
    refused, found = together(
        shared, lambda: shared.extend(tokens(0, 1, 13), None), lambda: draft(shared, 1, 2)
    )
    assert isinstance(refused, ModelMemoryError)
    assert "nothing was changed" in str(refused)
    assert torch.allclose(found[-1], draft(network, 1, 2)[-1], atol=1e-3)
    shared.extend(tokens(0, 1, 12), None)
