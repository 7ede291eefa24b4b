"""From the names of systems to systems that are ready to fill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from dgls.checkpoint.registry import find
from dgls.config import changed, resolve
from dgls.errors import InputError
from dgls.evaluation.baselines.copy_line import CopyLine
from dgls.evaluation.baselines.ngram import Ngram
from dgls.evaluation.baselines.ngram_corpus import corpus_texts
from dgls.evaluation.baselines.nothing import Nothing
from dgls.evaluation.cases import Case
from dgls.evaluation.model_systems import (
    MODEL_SYSTEMS,
    ModelSystem,
    checkpoint_identity,
    strategy_of,
)
from dgls.evaluation.systems import System
from dgls.inference.model import Model
from dgls.inference.opening import open_model
from dgls.syntax.cursor import Budget

BASELINES = ("nothing", "copy", "ngram")
DEFAULT_SYSTEMS = (*BASELINES, "causal", "noise", "dgls")


@dataclass(frozen=True)
class OpenedModel:
    """A loaded model, what tells it from others, and how much of a file it is given."""

    model: Model
    identity: str
    budget: Budget

    @classmethod
    def of(cls, name: str | None, device: str | None) -> Self:
        """Load a model; None stands for what the settings say. Raises `ModelError`."""
        said = {"model.name": name, "model.device": device}
        given = {key: value for key, value in said.items() if value is not None}
        settings = changed(resolve().settings, given)
        model = open_model(settings.model.name, settings.model.device, settings.model.threads)
        identity = checkpoint_identity(find(settings.model.name))
        return cls(model, identity, Budget(settings.fill.prefix_chars, settings.fill.suffix_chars))

    def with_cache_shares(self, shares: tuple[float, ...]) -> Self:
        """The same weights with other shares of the n-gram cache, on the disk as they were."""
        metadata = replace(self.model.metadata, cache_shares=shares)
        model = Model(self.model.network, self.model.codec, metadata)
        return replace(self, model=model, identity=f"{self.identity} {shares}")

    def system(self, name: str) -> System:
        """One of `MODEL_SYSTEMS`."""
        strategy = strategy_of(name, self.model)
        return ModelSystem(name, self.model, strategy, self.identity, self.budget)


def chosen_systems(
    names: Sequence[str] | None,
    model: str | None,
    device: str | None,
    corpus: Path | None,
    cases: Sequence[Case],
) -> tuple[System, ...]:
    """The systems of these names, each once, or the usual ones.

    Raises `InputError` for a name that there is not, before anything is loaded.
    """
    wanted = tuple(dict.fromkeys(names or DEFAULT_SYSTEMS))
    known = (*BASELINES, *MODEL_SYSTEMS)
    if unknown := [name for name in wanted if name not in known]:
        raise InputError(
            f"There is no system {unknown[0]!r}; nothing was measured. "
            f"There are {', '.join(known)}."
        )
    needs_model = any(name in MODEL_SYSTEMS for name in wanted)
    opened = OpenedModel.of(model, device) if needs_model else None
    return tuple(
        opened.system(name) if opened and name in MODEL_SYSTEMS else _baseline(name, corpus, cases)
        for name in wanted
    )


def _baseline(name: str, corpus: Path | None, cases: Sequence[Case]) -> System:
    if name == "ngram":
        documents = [case.document(case.truth) for case in cases]
        return Ngram(tuple(corpus_texts(corpus, documents)))
    return Nothing() if name == "nothing" else CopyLine()
