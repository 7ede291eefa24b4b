"""A measured canvas model as systems: the same weights, filled in different ways."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dgls import __version__
from dgls.checkpoint.metadata import METADATA_FILE
from dgls.errors import InputError
from dgls.fill.canvas import CanvasFiller
from dgls.fill.stop import StopToken
from dgls.fill.strategy import Strategy, strategy_for
from dgls.inference.model import Model
from dgls.lab.evaluation.cases import Case
from dgls.lab.evaluation.systems import REFUSED, Answer
from dgls.protocol import FillRequest, Limits
from dgls.requests.builder import Asker, Task
from dgls.syntax.cursor import Budget
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text.spans import Span

MODEL_SYSTEMS = ("dgls", "typed", "causal", "greedy", "revised", "noise")
"""The same weights filled in different ways.

`dgls` and `typed`: as in an editor. `causal`: causal drafts alone, which is autoregressive fill in
the middle; `greedy`: the same without a search, always the likeliest token. `revised`: only a
causal draft overruled by denoise passes. `noise`: only diffusion from noise.
"""

_BIG_FILE = 100_000_000


def strategy_of(name: str, model: Model) -> Strategy:
    """The strategy of a system of `MODEL_SYSTEMS`. Raises `InputError` for other names."""
    usual = strategy_for(model.metadata.family, model.metadata.strategy)
    match name:
        case "dgls" | "typed":
            return usual
        case "causal":
            return replace(usual, causal=True, passes=0, noise=0, copies=0)
        case "greedy":
            return replace(usual, causal=True, beams=1, passes=0, noise=0, copies=0)
        case "revised":
            passes = max(1, usual.passes)
            return replace(usual, causal=True, passes=passes, noise=0, copies=0, enough=2.0)
        case "noise":
            return replace(usual, causal=False, passes=0, noise=max(1, usual.noise), copies=0)
    raise InputError(f"There is no system {name!r} of a model; nothing was measured.")


@dataclass(frozen=True)
class ModelSystem:
    """Fills with the engine in this process, with the same text around the gap as an editor."""

    name: str
    model: Model
    strategy: Strategy
    identity: str
    budget: Budget
    seed: int = 0

    @property
    def settings(self) -> str:
        """The weights, the strategy, the context's size and the version of dgls."""
        return f"{self.identity} {self.strategy} {self.budget} seed {self.seed} dgls {__version__}"

    @property
    def threshold(self) -> float | None:
        """The threshold that was fitted for the checkpoint."""
        return self.model.metadata.threshold

    def fill(self, case: Case) -> Answer:
        """The best candidate; `ms` is the engine's time, without cutting the context.

        Gaps that do not fit the model's canvas stay empty, which counts as any wrong fill does.
        """
        request = request_of(case, self.budget, self.seed)
        try:
            reply = CanvasFiller(self.model, self.strategy).fill(request, _GO)
        except InputError:
            return Answer(("",) * len(case.gaps), proposal=REFUSED)
        best = reply.best
        return Answer(
            texts=best.texts,
            confidence=best.confidence,
            score=best.score,
            tokens=_tokens(self.model, best.texts),
            steps=reply.steps,
            ms=reply.timings.total_ms,
            proposal=best.proposal,
        )


_GO = StopToken()


def request_of(case: Case, budget: Budget, seed: int) -> FillRequest:
    """The request of an editor with the cursor in the case's gaps, which are empty."""
    source = Source.parse("".join(case.parts), language_of(case.path))
    task = Task.at(source, _cursors(case.parts), budget, lines=1)
    task = replace(task, lines=tuple(gap.max_lines for gap in case.gaps))
    return task.request(Asker(path=case.path, seed=seed), Limits())


def checkpoint_identity(folder: Path) -> str:
    """A string that identifies a checkpoint's weights and metadata."""
    digest = hashlib.sha256()
    for file in [*sorted(folder.glob("*.safetensors")), folder / METADATA_FILE]:
        if not file.is_file():
            continue
        size = file.stat().st_size
        digest.update(f"{file.name} {size}".encode())
        # Hashing tens of gigabytes would take longer than many a run.
        digest.update(file.read_bytes() if size < _BIG_FILE else str(file.stat().st_mtime).encode())
    return digest.hexdigest()[:16]


def _cursors(parts: Sequence[str]) -> list[Span]:
    """The empty gaps' spans in the joined parts."""
    at = 0
    cursors: list[Span] = []
    for part in parts[:-1]:
        at += len(part)
        cursors.append(Span(at, at))
    return cursors


def _tokens(model: Model, texts: Sequence[str]) -> int:
    """The number of tokens that the score is summed over."""
    return sum(len(model.layout.target([text])) for text in texts)
