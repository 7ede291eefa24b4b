"""Lets fills that run at the same time share forward passes.

Each fill runs in its own thread and reads as if it had the model to itself, but only one of them
runs at a time (a monitor: Hoare, "Monitors: an operating system structuring concept", CACM 1974).
When a fill asks for a pass, it waits until all others ask for one too or have ended, and then their
passes run as one. A stopped fill leaves, and the others no longer wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dgls.diffusion import reading
from dgls.diffusion.reading import Reader
from dgls.errors import ModelMemoryError
from dgls.network.interface import Extension, JointNetwork, Network, Reading
from dgls.network.memory import is_out_of_memory, not_enough_memory
from dgls.network.past import Past


@dataclass(frozen=True, slots=True)
class PassCounts:
    """Forward passes so far: `asked` for by fills, and `run` by the network.

    A joint pass counts once as `run`. `short` passes ran out of memory.
    """

    asked: int = 0
    run: int = 0
    short: int = 0


@dataclass(eq=False, slots=True)
class Share:
    """One fill's share of the network: the passes that it asked for so far."""

    passes: int = 0


@dataclass(eq=False, slots=True)
class _Ticket:
    """A pass that a fill asked for, and its result."""

    wanted: Extension | Reading
    result: Any = None
    error: Exception | None = None
    done: bool = False


class SharedNetwork:
    """A `Network` for several fills at once. `inner` runs their passes.

    When memory runs out, `relieve` is called, then smaller batches are tried. What still does not
    fit raises `ModelMemoryError` in the fill that asked for it, and in no other.
    """

    def __init__(self, inner: Network, relieve: Callable[[], None] = lambda: None) -> None:
        self.inner = inner
        self.relieve = relieve
        self.vocabulary = inner.vocabulary
        self.device = inner.device
        self.dtype = inner.dtype
        self._counts = PassCounts()
        self._turn = threading.Condition()
        self._shares: dict[int, Share] = {}
        self._waiting: list[_Ticket] = []
        self._door = threading.Lock()
        self._coming = 0

    @property
    def counts(self) -> PassCounts:
        """A snapshot."""
        return self._counts

    @property
    def joins(self) -> bool:
        """Whether the network can run passes of several fills as one."""
        return isinstance(self.inner, JointNetwork)

    @contextmanager
    def taking_part(self) -> Iterator[Share]:
        """A context in which this thread's passes may be shared; one such thread runs at a time."""
        with self._door:
            self._coming += 1
        with self._turn:
            with self._door:
                self._coming -= 1
            share = self._shares[threading.get_ident()] = Share()
            try:
                yield share
            finally:
                del self._shares[threading.get_ident()]
                # The others may have been waiting for this fill only.
                self._run_if_all_wait()

    def extend(self, tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        found: tuple[Tensor, Past] = self._pass(Extension(tokens, past))
        return found

    def canvas(self, tokens: Tensor, past: Past, conditioning: Tensor | None) -> Tensor:
        found: Tensor = self._pass(Reading(tokens, past, conditioning))
        return found

    def unembed(self, states: Tensor) -> Tensor:
        return self.inner.unembed(states)

    def counted(self, reader: Reader) -> Reader:
        """A reader of `inner`, whose passes count as those of the fill that asks for them."""
        return _CountedReader(reader, self._shares.get(threading.get_ident(), Share()))

    def _pass(self, wanted: Extension | Reading) -> Any:
        share = self._shares.get(threading.get_ident())
        ticket = _Ticket(wanted)
        if share is None:
            self._run([ticket])
        else:
            share.passes += 1
            self._waiting.append(ticket)
            self._run_if_all_wait()
            while not ticket.done:
                self._turn.wait()
        if ticket.error is not None:
            raise ticket.error
        return ticket.result

    def _run_if_all_wait(self) -> None:
        """Run the requested passes, unless a fill is still computing or about to join."""
        if not self._waiting or self._coming or len(self._waiting) < len(self._shares):
            return
        tickets, self._waiting = self._waiting, []
        for kind in (Extension, Reading):
            self._run([ticket for ticket in tickets if isinstance(ticket.wanted, kind)])
        self._turn.notify_all()

    def _run(self, tickets: Sequence[_Ticket]) -> None:
        """Settle passes of one kind, together if possible."""
        if tickets:
            self._count(asked=len(tickets))
            error = self._attempt(tickets)
            if isinstance(error, ModelMemoryError):
                self.relieve()
                error = self._attempt(tickets)
            if error is not None:
                self._run_apart(tickets, error)
        for ticket in tickets:
            ticket.done = True

    def _run_apart(self, tickets: Sequence[_Ticket], error: Exception) -> None:
        """Settle passes that failed together by halves, so that one does not fail the others."""
        if len(tickets) == 1:
            (ticket,) = tickets
            if not isinstance(error, ModelMemoryError) or not self._run_by_rows(ticket):
                ticket.error = error
            return
        middle = len(tickets) // 2
        for half in (tickets[:middle], tickets[middle:]):
            failed = self._attempt(half)
            if failed is not None:
                self._run_apart(half, failed)

    def _run_by_rows(self, ticket: _Ticket) -> bool:
        """Run the rows of one pass one after another; False if that does not help."""
        count = len(ticket.wanted.tokens)
        rows = [_Ticket(_row(ticket.wanted, index)) for index in range(count)]
        if count == 1 or any(self._attempt([row]) is not None for row in rows):
            return False
        ticket.result = _concatenated([row.result for row in rows])
        return True

    def _attempt(self, tickets: Sequence[_Ticket]) -> Exception | None:
        """Run passes as one. Returns the error, if any."""
        self._count(run=1)
        try:
            results = self._results([ticket.wanted for ticket in tickets])
        except Exception as error:
            if not is_out_of_memory(error):
                return error
            self._count(short=1)
            # A new error, because the frames of the original keep the memory alive.
            return not_enough_memory()
        for ticket, result in zip(tickets, results, strict=True):
            ticket.result = result
        return None

    def _results(self, wanted: Sequence[Any]) -> list[Any]:
        network = self.inner
        are_extensions = isinstance(wanted[0], Extension)
        if len(wanted) > 1 and isinstance(network, JointNetwork):
            return list(
                network.extend_all(wanted) if are_extensions else network.canvas_all(wanted)
            )
        if are_extensions:
            return [network.extend(each.tokens, each.past) for each in wanted]
        return [network.canvas(each.tokens, each.past, each.conditioning) for each in wanted]

    def _count(self, asked: int = 0, run: int = 0, short: int = 0) -> None:
        now = self._counts
        self._counts = PassCounts(now.asked + asked, now.run + run, now.short + short)


class _CountedReader:
    """A wrapped reader whose passes are counted."""

    def __init__(self, inner: Reader, share: Share) -> None:
        self._inner = inner
        self._share = share

    def read(
        self,
        tokens: Tensor,
        open_: Tensor,
        conditioning: Tensor | None,
        temperature: float,
        generator: torch.Generator | None,
    ) -> reading.Reading:
        self._share.passes += 1
        return self._inner.read(tokens, open_, conditioning, temperature, generator)


def _row(wanted: Extension | Reading, index: int) -> Extension | Reading:
    """One row of a pass, as its own pass."""
    tokens = wanted.tokens[index : index + 1]
    if isinstance(wanted, Extension):
        return Extension(tokens, wanted.past and wanted.past.rows([index]))
    given = wanted.conditioning
    conditioning = None if given is None else given[index : index + 1]
    return Reading(tokens, wanted.past.rows([index]), conditioning)


def _concatenated(results: Sequence[Any]) -> Any:
    """The results of single rows, joined."""
    if isinstance(results[0], Tensor):
        return torch.cat(list(results))
    states, pasts = zip(*results, strict=True)
    return torch.cat(states), Past.below(pasts)
