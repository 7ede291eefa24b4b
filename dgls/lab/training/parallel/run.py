"""A training run of the adapter: fills, steps on them, saves, and figures on held-out gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dgls.lab.training.parallel.adapter import Adapter
from dgls.lab.training.parallel.adapter_file import save_adapter
from dgls.lab.training.parallel.base import Base
from dgls.lab.training.parallel.clock import Clock
from dgls.lab.training.parallel.fills import Fills, greedy_fills
from dgls.lab.training.parallel.loss import Losses, losses
from dgls.lab.training.parallel.masks import anchors_for
from dgls.lab.training.parallel.passes import Drafted, accepted_by_mask, drafted_fills, passes_of
from dgls.lab.training.parallel.prompts import Prompts, PromptSource
from dgls.lab.training.parallel.run_folder import Figures, Progress, RunFolder
from dgls.lab.training.parallel.steps import Duties, go_through, rate_factor, share_done
from dgls.lab.training.parallel.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Settings:
    """All parameters of a run. It ends after `minutes` or `steps`.

    `pool` prompts of one of `lengths` tokens are filled at once with up to `tokens` tokens, and
    trained on in steps of up to `rows` mask positions. `heldout` gaps of each language are measured
    every `measure` seconds with prompts of `heldout_length` tokens.
    """

    minutes: float = 60.0
    steps: int = 1_000_000
    lengths: tuple[int, ...] = (192, 256, 320, 448)
    tokens: int = 49
    pool: int = 1536
    rows: int = 8192
    rate: float = 1e-3
    mask_rate: float = 2e-4
    warmup: int = 40
    clip: float = 1.0
    save: float = 60.0
    measure: float = 90.0
    heldout: int = 64
    heldout_length: int = 384
    seed: int = 1


@dataclass(frozen=True)
class Run:
    """One run: model, data, folder and reporter."""

    base: Base
    adapter: Adapter
    vocabulary: Vocabulary
    training: PromptSource
    heldout: Prompts
    languages: tuple[str, ...]
    folder: RunFolder
    settings: Settings
    report: Callable[[str], None]


def train(run: Run) -> Progress:
    """Train to the end of the settings, continuing from the folder's last save."""
    optimiser = _optimiser(run)
    progress = run.folder.load(run.adapter, optimiser)
    if progress.step:
        run.report(f"going on from step {progress.step:,}")
        run.training.go_on(progress.step)
    heldout = _Heldout(run)
    clock = Clock(progress.seconds)
    duties: Duties[Losses] = Duties(
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
        save_adapter(run.adapter, run.base, figures, path)

    run.folder.save(run.adapter, optimiser, progress, write)


def _optimiser(run: Run) -> torch.optim.AdamW:
    masks = [run.adapter.mask_embedding]
    others = [p for p in run.adapter.parameters() if p is not run.adapter.mask_embedding]
    settings = run.settings
    groups = [
        {"params": others, "rate": settings.rate},
        {"params": masks, "rate": settings.mask_rate},
    ]
    return torch.optim.AdamW(
        groups,
        betas=(0.9, 0.98),
        weight_decay=0.0,
        fused=run.base.device.type == "cuda",
    )


def _steps(
    run: Run, optimiser: torch.optim.AdamW, clock: Clock, progress: Progress
) -> Iterator[Losses]:
    """Steps until the run is done; each gives its losses."""
    step, size = progress.step, _Size(run.settings.pool, run.settings.rows)
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(_prompts, run, step, size.pool)
        while share_done(run.settings, step, clock.seconds) < 1:
            prompts = coming.result()
            coming = ahead.submit(_prompts, run, step + 1, size.pool)
            try:
                fills = _reported_fill(run, prompts, clock)
                for rows in _groups(run, fills.lengths, size.rows, step):
                    done = share_done(run.settings, step, clock.seconds)
                    if done >= 1:
                        break
                    loss = _step(run, optimiser, fills, rows, step, done)
                    if loss is not None:
                        step += 1
                        yield loss
            except torch.cuda.OutOfMemoryError:
                size = size.halved()
                run.report(f"out of memory: going on with {size.pool} fills, {size.rows} rows")
                optimiser.zero_grad(set_to_none=True)
                torch.cuda.empty_cache()


def _prompts(run: Run, step: int, count: int) -> Prompts:
    generator = torch.Generator().manual_seed(run.settings.seed * 1_000_003 + step)
    lengths = run.settings.lengths
    length = lengths[int(torch.randint(len(lengths), (), generator=generator))]
    return run.training.batch(count, length)


def _fill(run: Run, prompts: Prompts) -> Fills:
    device, known = run.base.device, run.vocabulary
    ids, one_line = prompts.ids.to(device), prompts.one_line.to(device)
    return greedy_fills(run.base, ids, one_line, known.ends, known.newlines, run.settings.tokens)


def _reported_fill(run: Run, prompts: Prompts, clock: Clock) -> Fills:
    began = clock.seconds
    fills = _fill(run, prompts)
    count, length = prompts.ids.shape
    mean = fills.lengths.float().mean().item()
    run.report(
        f"filled {count} prompts of {length} tokens in {clock.seconds - began:.1f} s, "
        f"{mean:.1f} tokens each"
    )
    return fills


def _groups(run: Run, lengths: Tensor, rows: int, seed: int) -> list[Tensor]:
    """Fills of similar length together, so that few mask rows are wasted, in a random order."""
    order = lengths.argsort()
    sizes, groups, start = lengths[order].tolist(), [], 0
    while start < len(sizes):
        end = start + 1
        while end < len(sizes) and _rows(run, sizes[end]) * (end + 1 - start) <= rows:
            end += 1
        groups.append(order[start:end])
        start = end
    generator = torch.Generator().manual_seed(seed)
    return [groups[index] for index in torch.randperm(len(groups), generator=generator).tolist()]


def _rows(run: Run, length: int) -> int:
    return anchors_for(length, run.settings.tokens) * run.adapter.size.masks


def _step(
    run: Run, optimiser: torch.optim.AdamW, fills: Fills, rows: Tensor, step: int, done: float
) -> Losses | None:
    result = losses(run.base, run.adapter, fills, rows, run.vocabulary.draft_index)
    if result is None:
        return None
    result.total.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(run.adapter.parameters(), run.settings.clip)
    factor = rate_factor(step, run.settings.warmup, done)
    for group in optimiser.param_groups:
        group["lr"] = group["rate"] * factor
    # One bad batch must not spoil hours of training.
    if bool(norm.isfinite()):
        optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return result


def _line(run: Run, progress: Progress, loss: Losses) -> str:
    done = share_done(run.settings, progress.step, progress.seconds)
    return (
        f"step {progress.step:>6,}  head {loss.head.item():.3f}  sampler {loss.sampler.item():.3f}"
        f"  state {loss.state.item():.3f}  right {loss.right.item():.3f}"
        f"  {progress.seconds:.0f} s  {100 * done:.0f} %"
    )


@dataclass(frozen=True, slots=True)
class _Size:
    """How much is processed at once."""

    pool: int
    rows: int

    def halved(self) -> _Size:
        return _Size(max(1, self.pool // 2), max(256, self.rows // 2))


class _Heldout:
    """The held-out gaps' fills, made once, and measured with the current adapter."""

    def __init__(self, run: Run) -> None:
        self._run = run
        count = len(run.heldout.ids)
        run.report(f"filling {count} held-out gaps; on one core that takes minutes")
        self._fills = _fill(run, run.heldout)
        self.figures: dict[str, Any] = {}

    def measure(self, progress: Progress) -> None:
        """Measure tokens per pass by language and rule, and report them."""
        run = self._run
        drafted = drafted_fills(run.base, run.adapter, self._fills)
        by_language: dict[str, list[Drafted]] = {name: [] for name in run.languages}
        for fill, language in zip(drafted, run.heldout.language, strict=True):
            by_language[run.languages[language]].append(fill)
        tree = {
            name: round(passes_of(fills, tree=True).tokens_per_pass, 3)
            for name, fills in by_language.items()
            if fills
        }
        figures = Figures(
            step=progress.step,
            tokens_per_pass=tree,
            tokens_per_pass_all=round(passes_of(drafted, tree=True).tokens_per_pass, 3),
            tokens_per_pass_chain=round(passes_of(drafted, tree=False).tokens_per_pass, 3),
            accepted_by_mask=tuple(round(share, 3) for share in accepted_by_mask(drafted)),
            gaps=len(drafted),
        )
        run.report(f"held out: {figures.summary()}")
        self.figures = asdict(figures)
        run.folder.log(progress, self.figures)
