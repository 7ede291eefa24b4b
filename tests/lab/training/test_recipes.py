"""The recipes make models of the promised size."""

from __future__ import annotations

import pytest

from dgls.errors import TrainingError
from dgls.lab.training.pipeline import new_model
from dgls.lab.training.recipes import RECIPES, recipe_named
from dgls.network.architecture import parameter_count


@pytest.mark.parametrize("name", RECIPES)
def test_an_embedded_model_has_at_most_thirty_million_parameters(name: str) -> None:
    assert parameter_count(new_model(recipe_named(name).shape, seed=0)) <= 30_000_000


def test_an_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(TrainingError, match="toy, cpu, small"):
        recipe_named("huge")
