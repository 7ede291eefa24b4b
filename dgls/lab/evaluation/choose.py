"""From the names of systems to systems that are ready to fill."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from dgls.checkpoint.named import resolved
from dgls.checkpoint.qwen2.lora import with_lora
from dgls.checkpoint.registry import find
from dgls.config import changed, resolve
from dgls.engine.backends.knobs import knobs_of
from dgls.errors import InputError
from dgls.fill.knobs import AS_TRAINED, Knobs
from dgls.fill.open_filler import open_causal
from dgls.inference.model import Model
from dgls.inference.open_model import open_model
from dgls.lab.evaluation.baselines.copy_line import CopyLine
from dgls.lab.evaluation.baselines.nothing import Nothing
from dgls.lab.evaluation.filler_system import causal_system
from dgls.lab.evaluation.infill_system import INFILL_SYSTEMS, infill_system
from dgls.lab.evaluation.model_systems import (
    MODEL_SYSTEMS,
    ModelSystem,
    checkpoint_identity,
    strategy_of,
)
from dgls.lab.evaluation.systems import System
from dgls.requests.builder import budget_of
from dgls.syntax.cursor import Budget

BASELINES = ("nothing", "copy")
DEFAULT_SYSTEMS = (*BASELINES, "dgls")


@dataclass(frozen=True)
class OpenedModel:
    """A loaded model, its identity, and the text budget that it is given."""

    model: Model
    identity: str
    budget: Budget
    knobs: Knobs = AS_TRAINED

    @classmethod
    def of(cls, name: str | None, device: str | None) -> Self:
        """Load a model; None means that of the settings. Raises `ModelError`."""
        said = {"model.name": name, "model.device": device}
        given = {key: value for key, value in said.items() if value is not None}
        settings = changed(resolve().settings, given)
        knobs, asked = knobs_of(settings.denoise), settings.model
        model = open_model(asked.name, asked.device, asked.threads, canvas=knobs.canvas)
        identity = checkpoint_identity(find(asked.name))
        budget = budget_of(settings.fill)
        return cls(model, identity, budget, knobs)

    def with_cache_shares(self, shares: tuple[float, ...]) -> Self:
        """The same weights with other shares of the n-gram cache; files are unchanged."""
        metadata = replace(self.model.metadata, cache_shares=shares)
        model = Model(self.model.network, self.model.codec, metadata)
        return replace(self, model=model, identity=f"{self.identity} {shares}")

    def system(self, name: str) -> System:
        """One of `MODEL_SYSTEMS`."""
        strategy = self.knobs.applied(strategy_of(name, self.model))
        canvas = self.knobs.canvas
        identity = self.identity if canvas is None else f"{self.identity} canvas {canvas}"
        return ModelSystem(name, self.model, strategy, identity, self.budget)


def chosen_systems(
    names: Sequence[str] | None,
    model: str | None,
    device: str | None,
) -> tuple[System, ...]:
    """The systems with these names, each once, or the default ones.

    Raises `InputError` for an unknown name, before anything is loaded.
    """
    wanted = tuple(dict.fromkeys(names or DEFAULT_SYSTEMS))
    _check(wanted)
    # Find out that a server is down before a model is loaded.
    elsewhere = {name: infill_system(name, _budget()) for name in wanted if "=" in name}
    needs_model = any(name in MODEL_SYSTEMS for name in wanted)
    opened = _opened(model, device) if needs_model else None

    def system(name: str) -> System:
        if name in elsewhere:
            return elsewhere[name]
        if opened and name in MODEL_SYSTEMS:
            return opened(name)
        return Nothing() if name == "nothing" else CopyLine()

    return tuple(system(name) for name in wanted)


def _opened(model: str | None, device: str | None) -> Callable[[str], System]:
    """A function that makes the model's systems by name; the family decides which exist."""
    settings = resolve().settings
    named = with_lora(resolved(model or settings.model.name), settings.model.lora)
    if not named.causal:
        return OpenedModel.of(named.name, device).system
    filler = open_causal(
        named,
        device or settings.model.device,
        settings.model.threads,
        knobs=knobs_of(settings.denoise),
    )
    return lambda name: causal_system(name, filler, named.identity, _budget())


def _check(names: Sequence[str]) -> None:
    known = (*BASELINES, *MODEL_SYSTEMS)
    for name in names:
        kind, address, _ = name.partition("=")
        if name not in known and not (address and kind in INFILL_SYSTEMS):
            raise InputError(
                f"There is no system {name!r}; nothing was measured. There are "
                f"{', '.join(known)} and {', '.join(f'{each}=URL' for each in INFILL_SYSTEMS)}."
            )


def _budget() -> Budget:
    """As much of a file as the settings give a model."""
    return budget_of(resolve().settings.fill)
