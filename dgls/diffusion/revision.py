"""Lets the denoiser overrule tokens of a draft where it is surer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dgls.diffusion.loop import OnStep, never
from dgls.diffusion.reading import Denoiser
from dgls.errors import Stopped


@dataclass(frozen=True, slots=True)
class Revised:
    """`tokens` and `log_probs` [batch, canvas] after `passes` denoise passes over the draft."""

    tokens: Tensor
    log_probs: Tensor
    passes: int


@torch.inference_mode()
def revise(
    denoiser: Denoiser,
    tokens: Tensor,
    open_: Tensor,
    log_probs: Tensor,
    most: int,
    *,
    should_stop: Callable[[], bool] = never,
    on_step: OnStep | None = None,
) -> Revised:
    """Replace open tokens of a draft where the denoiser finds another token likelier.

    `tokens` [batch, canvas] is the whole draft; `log_probs` [batch, canvas] are those that its
    author gave. A token gives way to the denoiser's best one if that has a higher log-probability.
    There are at most `most` passes, fewer once nothing changes. Raises `Stopped` if `should_stop()`
    is true before a pass.
    """
    conditioning: Tensor | None = None
    for taken in range(1, most + 1):
        if should_stop():
            raise Stopped(f"The fill was stopped after {taken - 1} passes; nothing was changed.")
        conditioning = denoiser(tokens, conditioning)
        best_log_probs, best = torch.log_softmax(conditioning, dim=-1).max(dim=-1)
        overruled = open_ & (best != tokens) & (best_log_probs > log_probs)
        tokens = torch.where(overruled, best, tokens)
        log_probs = torch.where(overruled, best_log_probs, log_probs)
        if on_step is not None:
            on_step(taken, tokens, open_)
        # The only sync of a pass: without a change the next pass would repeat this one.
        if not bool(overruled.any()):
            return Revised(tokens, log_probs, taken)
    return Revised(tokens, log_probs, most)
