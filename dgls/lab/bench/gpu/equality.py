"""Compares the kernels with plain torch at full size, by measures that suit random weights.

A random model is chaotic. A difference of one rounding sends tokens to other experts within a few
layers, and after all layers even plain torch no longer resembles itself. So every operation of
every layer is compared on the same inputs. For whole passes, plain torch is also compared with
itself after rounding noise on its input, as the yardstick for the kernels' error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from dgls.lab.bench.gpu.checking import error_of, logits_of
from dgls.lab.bench.gpu.figures import Figure
from dgls.lab.bench.gpu.routes import Recorded, alike
from dgls.lab.bench.gpu.subject import Subject
from dgls.network.fast.operations import Operations
from dgls.network.fast.plain import PlainOperations

PART = "equality with plain torch"


@torch.inference_mode()
def equality(subject: Subject, bandwidth: float) -> Iterator[Figure]:
    """Each operation on the same inputs, whole passes, and captured against uncaptured steps.

    Errors are the norm of the difference divided by the norm of the expected result.
    """
    size, scheme = subject.size, str(subject.scheme)
    subject.network.prefix.hold(subject.past(size.prefix), size.gap)
    step, plain = subject.network.step(), PlainOperations()
    beside = _Beside(step.operations, plain)
    logits_of(subject, replace(step, operations=beside))
    for name, error in beside.worst.items():
        yield Figure(PART, scheme, f"{name}: error on the same inputs, worst of layers", error, "")
    usual = Recorded(plain)
    expected = logits_of(subject, replace(step, operations=usual))
    for name, operations in (("kernels", step.operations), ("plain torch, moved", _Moved())):
        own = Recorded(operations)
        error = error_of(logits_of(subject, replace(step, operations=own)), expected)
        yield Figure(PART, scheme, f"{name}: error of logits after all layers", error, "")
        share = alike(own.chosen, usual.chosen)
        yield Figure(PART, scheme, f"{name}: share of experts that are plain torch's", share, "")
    yield from _captured(subject)


def _captured(subject: Subject) -> Iterator[Figure]:
    """The same kernels, launched one by one and as the captured step that fills run."""
    size, scheme = subject.size, str(subject.scheme)
    past, tokens = subject.past(size.prefix), subject.prompt(size.gap)
    expected = subject.network.canvas(tokens, past, None).log_softmax(dim=-1).max(dim=-1)
    everywhere = torch.ones(tokens.shape, dtype=torch.bool, device=subject.device)
    reading = subject.network.reader(past).read(tokens, everywhere, None, 1.0, None)
    error = error_of(reading.log_probs, expected.values)
    yield Figure(PART, scheme, "error of log-probabilities, captured and not", error, "")
    same = (reading.best == expected.indices).float().mean().item()
    what = "share of likeliest tokens that agree, captured and not"
    yield Figure(PART, scheme, what, same, "")


class _Beside:
    """Runs each operation by kernels and in plain torch, and continues with the latter."""

    def __init__(self, quick: Operations, plain: Operations) -> None:
        self._quick = quick
        self._plain = plain
        self.worst: dict[str, float] = {}
        """The largest error of each operation so far."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        quick, plain = getattr(self._quick, name), getattr(self._plain, name)

        def both(*arguments: Any) -> Any:
            expected = _contiguous(plain(*arguments))
            error = error_of(_measured(name, quick(*arguments)), _measured(name, expected))
            before = self.worst.get(name, 0.0)
            # NaN, which no number exceeds, stays.
            self.worst[name] = error if error != error or error > before else before
            return expected

        return both


def _contiguous(results: Any) -> Any:
    """The results in the memory layout that kernels expect."""
    if isinstance(results, tuple):
        return tuple(each.contiguous() for each in results)
    return results.contiguous()


def _measured(name: str, results: Any) -> Any:
    """The comparable part of an operation's results; routing has ties, so only its shares."""
    return results[1] if name == "route" else results


class _Moved(PlainOperations):
    """Plain torch whose first states are changed by one rounding, randomly up or down."""

    def embed(self, *arguments: Any) -> tuple[Tensor, Tensor]:
        states, _ = super().embed(*arguments)
        generator = torch.Generator(states.device).manual_seed(0)
        signs = torch.randint(0, 2, states.shape, generator=generator, device=states.device)
        step = torch.finfo(states.dtype).eps / 2
        states = (states.float() * (1 + step * (2 * signs - 1))).type_as(states)
        first_norm, eps = arguments[4:]
        return states, self.norm(states, first_norm, eps)
