"""What a checkpoint may change in its family's strategy."""

from __future__ import annotations

import pytest

from dgls.diffusion.loop import DenoiseSettings
from dgls.diffusion.sampler import Order
from dgls.errors import CheckpointError
from dgls.fill.strategy import strategy_for


def test_a_checkpoint_may_change_its_strategy():
    changed = strategy_for("infill", {"noise": 0, "max_steps": 9, "order": "confidence"})
    assert (changed.noise, changed.causal) == (0, True)
    assert (changed.denoise.max_steps, changed.denoise.order) == (9, Order.CONFIDENCE)
    assert changed.denoise.greedy
    nested = strategy_for("infill", {"stop": {"entropy": 0.5}, "temperature": {"start": 0.6}})
    assert (nested.denoise.stop.entropy, nested.denoise.temperature.start) == (0.5, 0.6)


WRONG_STRATEGIES = [{"colour": 1}, {"order": "right"}, {"stop": {"x": 1}}, {"stop": 3}]
WRONG_STRATEGIES += [{"beams": value} for value in (0, -1, "x", 1.5, True, None, [], 10**30)]
WRONG_STRATEGIES += [{"enough": value} for value in (-1, "x", None, float("nan"), float("inf"))]
WRONG_STRATEGIES += [{"max_steps": -1}, {"greedy": "yes"}, {"causal": 1}, {"entropy_bound": "x"}]


@pytest.mark.parametrize("changes", WRONG_STRATEGIES, ids=str)
def test_a_strategy_of_another_version_is_refused(changes):
    with pytest.raises(CheckpointError, match="Update dgls"):
        strategy_for("infill", changes)


def test_the_published_family_keeps_its_sampler():
    assert strategy_for("chat", {}).denoise == DenoiseSettings()
