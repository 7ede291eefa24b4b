"""The training loop: steps until the recipe's time or steps are used up, with regular saves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import torch
from transformers import DiffusionGemmaForBlockDiffusion

from dgls.lab.training.batches import Batch, batches, collate
from dgls.lab.training.examples import ExampleSource
from dgls.lab.training.objective import Losses, losses
from dgls.lab.training.optimiser import Optimisers, rate_factor
from dgls.lab.training.recipes import Recipe
from dgls.lab.training.run_folder import LogLine, Progress, RunFolder
from dgls.network.hardware import is_fast_in_bf16

_LOG_EVERY = 20
_SAVE_SECONDS = 180.0
_HELDOUT_SECONDS = 300.0
_HELDOUT_BATCHES = 4


@dataclass(frozen=True)
class Run:
    """One training run: model, data, folder and reporter."""

    recipe: Recipe
    model: DiffusionGemmaForBlockDiffusion
    training: ExampleSource
    heldout: ExampleSource | None
    folder: RunFolder
    device: torch.device
    report: Callable[[LogLine, float], None]


def train(run: Run) -> Progress:
    """Train to the recipe's end, continuing from the folder's last save.

    `report` gets each log line and the share of the run that is done, 0..1.
    """
    optimisers = Optimisers(run.model, run.recipe.optimisation)
    progress = run.folder.load(run.model, optimisers)
    run.model.train()
    means = _Means()
    saved = measured = progress.seconds
    for batch in _remaining(run, progress):
        if share_done(run.recipe, progress) >= 1:
            break
        started = time.perf_counter()
        means.add(_step(run, optimisers, batch, progress))
        progress = _after(progress, batch, run.recipe, time.perf_counter() - started)
        if progress.step % _LOG_EVERY == 0:
            heldout = None
            if run.heldout and progress.seconds - measured >= _HELDOUT_SECONDS:
                heldout, measured = heldout_losses(run, run.heldout), progress.seconds
            line = _line(run.recipe, progress, means.take(), heldout)
            run.folder.log(line)
            run.report(line, share_done(run.recipe, progress))
        if progress.seconds - saved >= _SAVE_SECONDS:
            run.folder.save(run.model, optimisers, progress)
            saved = progress.seconds
    run.folder.save(run.model, optimisers, progress)
    return progress


def share_done(recipe: Recipe, progress: Progress) -> float:
    """The share of the run that is done, by steps or by time, whichever is larger."""
    return max(progress.step / recipe.steps, progress.seconds / (60 * recipe.minutes))


@torch.no_grad()
def heldout_losses(run: Run, source: ExampleSource) -> tuple[float, float]:
    """Canvas and causal loss on fixed batches of held-out packages."""
    run.model.train(False)
    means = _Means()
    for index in range(_HELDOUT_BATCHES):
        batch = collate(source.batch(f"heldout:{index}", run.recipe.batch)).to(run.device)
        generator = torch.Generator().manual_seed(index)
        with _precision(run.device):
            means.add(losses(run.model, batch, run.recipe.objective, generator))
    run.model.train()
    return means.take()


def _remaining(run: Run, progress: Progress) -> Iterator[Batch]:
    recipe = run.recipe
    return batches(
        run.training, recipe.seed, recipe.batch, progress.step, recipe.steps, recipe.workers
    )


def _step(run: Run, optimisers: Optimisers, batch: Batch, progress: Progress) -> Losses:
    recipe = run.recipe
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + progress.step)
    with _precision(run.device):
        result = losses(run.model, batch.to(run.device), recipe.objective, generator)
    result.total(recipe.objective).backward()  # type: ignore[no-untyped-call]
    done = share_done(recipe, progress)
    optimisers.step(rate_factor(recipe.optimisation, progress.step, done))
    return result


def _after(progress: Progress, batch: Batch, recipe: Recipe, seconds: float) -> Progress:
    tokens = batch.causal.numel() + batch.canvas.numel() * recipe.objective.draws
    return replace(
        progress,
        step=progress.step + 1,
        seconds=progress.seconds + seconds,
        tokens=progress.tokens + tokens,
    )


def _line(
    recipe: Recipe,
    progress: Progress,
    means: tuple[float, float],
    heldout: tuple[float, float] | None,
) -> LogLine:
    rate = rate_factor(recipe.optimisation, progress.step, share_done(recipe, progress))
    line = LogLine(progress.step, progress.seconds, progress.tokens, *means, rate=rate)
    if heldout is None:
        return line
    return replace(line, heldout_canvas=heldout[0], heldout_causal=heldout[1])


class _Means:
    """Means of losses, kept on the device until they are read."""

    def __init__(self) -> None:
        self._seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def add(self, result: Losses) -> None:
        self._seen.append((result.canvas.detach(), result.causal.detach()))

    def take(self) -> tuple[float, float]:
        canvas, causal = (
            torch.stack(column).mean().item() for column in zip(*self._seen, strict=True)
        )
        self._seen.clear()
        return canvas, causal


def _precision(device: torch.device) -> AbstractContextManager[object]:
    """bf16 if the machine multiplies it fast, else fp32."""
    if not is_fast_in_bf16(device):
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
