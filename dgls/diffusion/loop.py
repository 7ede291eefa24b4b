"""The denoise loop: a canvas with pinned positions, from noise to text.

It takes the steps of transformers' `generate()` for DiffusionGemma, and on an unpinned canvas gives
the same tokens for the same seed. In addition it leaves pinned positions alone, can stop between
steps, and counts open positions only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dgls.diffusion import sampler, stopping
from dgls.diffusion.noise import uniform_tokens
from dgls.diffusion.reading import Denoiser, LogitsReader, Reader
from dgls.diffusion.schedule import LinearTemperature
from dgls.errors import Stopped

OnStep = Callable[[int, Tensor, Tensor], None]
"""Called after each step with its number from 1, the best tokens, and which are accepted."""


@dataclass(frozen=True, slots=True)
class DenoiseSettings:
    """How a canvas is denoised; the defaults are those of the published checkpoint.

    `entropy_bound` is in nats. With `greedy` the likeliest token is taken instead of a sampled
    one. `self_conditioning` feeds each step's logits to the next one.
    """

    max_steps: int = 48
    entropy_bound: float = 0.1
    order: sampler.Order = sampler.Order.CONFIDENCE
    temperature: LinearTemperature = field(default_factory=LinearTemperature)
    greedy: bool = False
    self_conditioning: bool = True
    stop: stopping.StopRule = field(default_factory=stopping.StopRule)


@dataclass(frozen=True, slots=True)
class Denoised:
    """`tokens` [batch, canvas] are the likeliest ones; pinned positions are unchanged.

    `log_probs` [batch, canvas] and `entropy` [batch, canvas] belong to them, in nats; `accepted`
    [batch, canvas] are the positions that the sampler accepted. `steps` were taken; `complete` is
    False if the deadline cut them short.
    """

    tokens: Tensor
    log_probs: Tensor
    entropy: Tensor
    accepted: Tensor
    steps: int
    complete: bool


@dataclass(frozen=True, slots=True)
class _State:
    """What one step hands to the next: [batch, canvas] each, the last two [batch].

    `conditioning` is None or the reader's [batch, canvas, ...].
    """

    current: Tensor
    best: Tensor
    log_probs: Tensor
    entropy: Tensor
    accepted: Tensor
    conditioning: Tensor | None
    stable: Tensor
    finished: Tensor


def never() -> bool:
    """Never stop: always False."""
    return False


@torch.inference_mode()
def denoise(
    denoiser: Denoiser | Reader,
    tokens: Tensor,
    open_: Tensor,
    settings: DenoiseSettings,
    generator: torch.Generator,
    *,
    accepted: Tensor | None = None,
    should_stop: Callable[[], bool] = never,
    deadline: float | None = None,
    on_step: OnStep | None = None,
) -> Denoised:
    """Denoise the open positions of `tokens` [batch, canvas], which hold noise or a draft.

    `accepted` [batch, canvas] marks open positions to trust at first: with the order LEFT they
    count as accepted. `deadline` is in seconds of `time.monotonic()`; the first step is always
    taken, a further one only if it will probably end in time. Raises `Stopped` if `should_stop()`
    is true before a step.
    """
    reader = LogitsReader(denoiser) if callable(denoiser) else denoiser
    state = _start(tokens, open_, accepted)
    steps, complete, slowest = 0, True, 0.0
    for remaining in range(settings.max_steps, 0, -1):
        if should_stop():
            raise Stopped(f"The fill was stopped after {steps} denoise steps; nothing was changed.")
        began = time.monotonic()
        if steps and deadline is not None and began + slowest > deadline:
            complete = False
            break
        temperature = settings.temperature.at(remaining, settings.max_steps)
        state = _step(reader, state, open_, settings, temperature, generator)
        steps += 1
        slowest = max(slowest, time.monotonic() - began)
        if on_step is not None:
            on_step(steps, state.best, state.accepted)
        # The only sync of a step: the host decides whether to go on.
        if bool(state.finished.all()):
            break
    found = (state.best, state.log_probs, state.entropy, state.accepted)
    return Denoised(*found, steps=steps, complete=complete)


def _start(tokens: Tensor, open_: Tensor, accepted: Tensor | None) -> _State:
    nothing = torch.zeros(tokens.shape, dtype=torch.float32, device=tokens.device)
    rows = torch.zeros(tokens.shape[0], dtype=torch.int64, device=tokens.device)
    trusted = torch.zeros_like(open_) if accepted is None else accepted & open_
    # A draft that the first step confirms counts as unchanged; noise never will.
    return _State(tokens, tokens, nothing, nothing, trusted, None, rows, rows.bool())


def _step(
    reader: Reader,
    state: _State,
    open_: Tensor,
    settings: DenoiseSettings,
    temperature: float,
    generator: torch.Generator,
) -> _State:
    """One step. Random draws come in the order of `generate()`: each token, then the noise."""
    drawing = None if settings.greedy else generator
    reading = reader.read(state.current, open_, state.conditioning, temperature, drawing)
    accepted = sampler.accept(
        reading.entropy, open_, state.accepted, settings.entropy_bound, settings.order
    )
    noise = uniform_tokens(state.current, reading.vocabulary, generator)
    current = torch.where(open_, torch.where(accepted, reading.drawn, noise), state.current)
    best = torch.where(open_, reading.best, state.current)
    stable = stopping.stable_for(best, state.best, state.stable)
    finished = stopping.done(settings.stop, stable, reading.entropy, accepted, open_)
    conditioning = reading.conditioning if settings.self_conditioning else None
    after = _State(
        current, best, reading.log_probs, reading.entropy, accepted, conditioning, stable, finished
    )
    return after if len(finished) == 1 else _keep_finished(state, after)


def _keep_finished(before: _State, after: _State) -> _State:
    """`after`, with rows that were finished before left unchanged."""

    def kept(old: Tensor, new: Tensor) -> Tensor:
        finished = before.finished.view(-1, *[1] * (new.dim() - 1))
        return torch.where(finished, old, new)

    conditioning = after.conditioning
    if conditioning is not None and before.conditioning is not None:
        conditioning = kept(before.conditioning, conditioning)
    return _State(
        current=kept(before.current, after.current),
        best=kept(before.best, after.best),
        log_probs=kept(before.log_probs, after.log_probs),
        entropy=kept(before.entropy, after.entropy),
        accepted=kept(before.accepted, after.accepted),
        conditioning=conditioning,
        stable=kept(before.stable, after.stable),
        finished=before.finished | after.finished,
    )
