"""Recipes: all parameters of a training run, by name."""

from __future__ import annotations

from dataclasses import dataclass, field

from dgls.errors import TrainingError
from dgls.lab.training.examples import Sampling
from dgls.lab.training.objective import Objective


@dataclass(frozen=True, slots=True)
class Shape:
    """The model's size. `vocabulary` is the tokenizer's; all sizes as in the class's config."""

    vocabulary: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    window: int = 512


@dataclass(frozen=True, slots=True)
class Optimisation:
    """Learning rates and their schedule: warm-up in steps, then constant, then down to zero.

    `decay` is the share of the run, in time or steps, in which the rates fall.
    """

    matrix_rate: float = 0.02
    vector_rate: float = 0.003
    weight_decay: float = 0.01
    warmup: int = 50
    decay: float = 0.5
    clip: float = 1.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole run. It ends after `steps` or `minutes`, whichever comes first."""

    name: str
    shape: Shape
    batch: int
    steps: int
    minutes: float
    sampling: Sampling = field(default_factory=Sampling)
    objective: Objective = field(default_factory=Objective)
    optimisation: Optimisation = field(default_factory=Optimisation)
    tokenizer_chars: int = 30_000_000
    workers: int = 0
    compile: bool = False
    seed: int = 1


CANVAS, LORA = "canvas", "lora"
"""The recipes of an adapter and of a LoRA, with their own settings (`parallel/`, `lora/`)."""

FOR_A_BASE = (CANVAS, LORA)
"""The recipes that train something for a base model."""

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="toy",
            shape=Shape(512, 64, 2, 2, 1, 32, 128, window=192),
            batch=8,
            steps=150,
            minutes=1,
            sampling=Sampling(windows=(128,), widths=(32,)),
            tokenizer_chars=200_000,
        ),
        Recipe(
            name="cpu",
            shape=Shape(8192, 256, 6, 4, 2, 64, 768),
            # Even so the canvas takes half of a step's time; the causal stream learns from each
            # token.
            objective=Objective(draws=2),
            batch=16,
            steps=100_000,
            minutes=100,
        ),
        Recipe(
            name="small",
            shape=Shape(12_288, 448, 8, 8, 4, 64, 1408),
            batch=96,
            steps=100_000,
            minutes=17,
            workers=12,
            compile=True,
        ),
    )
}


def recipe_named(name: str) -> Recipe:
    """The recipe of that name. Raises `TrainingError` that lists all names."""
    if name not in RECIPES:
        known = ", ".join([*RECIPES, *FOR_A_BASE])
        raise TrainingError(f"No recipe {name!r}; there are {known}.")
    return RECIPES[name]
