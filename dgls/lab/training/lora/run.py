"""A training run of a LoRA: steps on batches of gaps, saves, and figures on held-out gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dgls.checkpoint.qwen2.lora import save_lora
from dgls.lab.training.lora.examples import Examples, batches, packed
from dgls.lab.training.lora.network import Batcher, LoraTerms, judged
from dgls.lab.training.parallel.base import Base
from dgls.lab.training.parallel.clock import Clock
from dgls.lab.training.parallel.run_folder import Progress, RunFolder
from dgls.lab.training.parallel.steps import Duties, go_through, rate_factor, share_done

_HELDOUT_SEED = 7


@dataclass(frozen=True, slots=True)
class Settings:
    """All parameters of a run. It ends after `minutes` or `steps`.

    A step reads about `tokens` tokens. `heldout` gaps are measured every `measure` seconds.
    """

    # The recipe canvas has settings with the same names. Most have other values or another meaning
    # there, so a common class would leave both to be read in two places.

    minutes: float = 60.0
    steps: int = 1_000_000
    rank: int = 16
    alpha: float = 32.0
    tokens: int = 16_384
    rate: float = 3e-4
    warmup: int = 20
    clip: float = 1.0
    save: float = 120.0
    measure: float = 120.0
    heldout: int = 400
    seed: int = 1


@dataclass(frozen=True)
class Run:
    """One run: model, data, folder and reporter."""

    base: Base
    terms: LoraTerms
    examples: Examples
    batcher: Batcher
    folder: RunFolder
    settings: Settings
    report: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures on held-out gaps, with each answer's beginning given.

    `exact` is the share of `gaps` in which every token is the likeliest, `nats` the mean negative
    log-probability of an answer.
    """

    gaps: int
    exact: float
    nats: float


def train(run: Run) -> Progress:
    """Train to the end of the settings, continuing from the folder's last save."""
    optimiser = torch.optim.AdamW(
        run.terms.parameters(),
        betas=(0.9, 0.98),
        weight_decay=0.0,
        fused=run.base.device.type == "cuda",
    )
    progress = run.folder.load(run.terms, optimiser)
    if progress.step:
        run.report(f"going on from step {progress.step:,}")
    heldout, clock = _Heldout(run), Clock(progress.seconds)
    duties: Duties[_Loss] = Duties(
        report=run.report,
        line=lambda progress, loss: _line(run, progress, loss),
        measure=heldout.measure,
        save=lambda progress: _save(run, optimiser, progress, heldout.figures),
        measure_every=run.settings.measure,
        save_every=run.settings.save,
    )
    return go_through(_steps(run, optimiser, clock, progress), progress, clock, duties)


def _save(
    run: Run, optimiser: torch.optim.Optimizer, progress: Progress, figures: Mapping[str, Any]
) -> None:
    def write(path: Path) -> None:
        notes = {"recipe": asdict(run.settings), "figures": {**asdict(progress), **figures}}
        save_lora(run.terms.matrices(), path, run.base.sha256, run.settings.alpha, **notes)

    run.folder.save(run.terms, optimiser, progress, write)


@dataclass(frozen=True, slots=True)
class _Loss:
    """A step's mean nats per token of the answers, and how many gaps it read."""

    nats: float
    gaps: int


def _steps(
    run: Run, optimiser: torch.optim.Optimizer, clock: Clock, progress: Progress
) -> Iterator[_Loss]:
    """Steps until the run is done, starting with the batch after the last save."""
    settings = run.settings
    training = np.flatnonzero(~run.examples.heldout)
    coming = batches(run.examples, training, settings.tokens, settings.seed)
    for step, chosen in enumerate(islice(coming, progress.step, None), progress.step):
        done = share_done(settings, step, clock.seconds)
        if done >= 1:
            return
        loss = _step(run, optimiser, chosen, rate_factor(step, settings.warmup, done))
        yield _Loss(loss, len(chosen))


def _step(
    run: Run, optimiser: torch.optim.Optimizer, chosen: NDArray[np.int64], factor: float
) -> float:
    batch = run.batcher.batch(chosen)
    loss = judged(run.base, run.terms, run.batcher, batch).nats.mean()
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(run.terms.parameters(), run.settings.clip)
    for group in optimiser.param_groups:
        group["lr"] = run.settings.rate * factor
    # One bad batch must not spoil hours of training.
    if bool(norm.isfinite()):
        optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return float(loss.detach())


def _line(run: Run, progress: Progress, loss: _Loss) -> str:
    done = share_done(run.settings, progress.step, progress.seconds)
    return (
        f"step {progress.step:>6,}  {loss.nats:.3f} nats a token of {loss.gaps} gaps"
        f"  {progress.seconds:.0f} s  {100 * done:.0f} %"
    )


class _Heldout:
    """The held-out gaps, always the same, measured with the current LoRA."""

    def __init__(self, run: Run) -> None:
        self._run = run
        mine = np.flatnonzero(run.examples.heldout)
        drawn = np.random.default_rng(_HELDOUT_SEED).permutation(mine)[: run.settings.heldout]
        self._chosen = np.sort(drawn)
        run.report(f"measuring {len(drawn)} held-out gaps; on one core that takes minutes")
        self.figures: dict[str, Any] = {}

    def measure(self, progress: Progress) -> None:
        """Measure all of them and each kind, and report it."""
        nats, exact = self._judged()
        examples = self._run.examples
        label = examples.labels[examples.label[self._chosen]]
        parts = {"all": np.ones(len(label), dtype=bool)}
        parts |= {str(name): label == name for name in sorted(set(label.tolist()))}
        found = {
            name: Figures(
                int(part.sum()),
                round(float(exact[part].mean()), 4),
                round(float(nats[part].mean()), 3),
            )
            for name, part in parts.items()
        }
        said = ", ".join(
            f"{name} {100 * each.exact:.1f} % exact, {each.nats:.2f} nats a gap ({each.gaps})"
            for name, each in found.items()
        )
        self._run.report(f"held out: {said}")
        self.figures = {"heldout": {name: asdict(each) for name, each in found.items()}}
        self._run.folder.log(progress, {"step": progress.step, **self.figures})

    @torch.no_grad()
    def _judged(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """For each gap the nats of its answer, and whether each of its tokens is the likeliest."""
        run = self._run
        nats: list[float] = []
        exact: list[bool] = []
        for chosen in packed(run.examples, self._chosen, run.settings.tokens):
            batch = run.batcher.batch(chosen)
            found = judged(run.base, run.terms, run.batcher, batch)
            zeros = torch.zeros(len(chosen), device=batch.owner.device)
            nats += zeros.index_add(0, batch.owner, found.nats).tolist()
            wrong = zeros.index_add(0, batch.owner, (~found.right).float())
            exact += (wrong == 0).tolist()
        return np.array(nats), np.array(exact)
