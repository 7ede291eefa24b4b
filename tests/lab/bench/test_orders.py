"""Unverified masks on a tiny model: the counts, and when they equal greedy decoding."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgls.errors import InputError
from dgls.inference.causal_model import CausalModel
from dgls.inference.mask_drafts import MaskDrafts
from dgls.lab.bench import orders
from dgls.lab.bench import unverified as unverified_module
from dgls.lab.bench.masks import tables
from dgls.lab.bench.orders import Order, settled
from dgls.lab.bench.passes import gaps_of
from dgls.lab.bench.unverified import unverified
from tests.support.adapters import random_adapter
from tests.support.qwen2 import TOKENS, tiny_causal

FOLDER = Path(__file__).parents[3] / "dgls" / "diffusion"


@pytest.fixture(scope="module")
def model() -> CausalModel:
    made = tiny_causal()
    made.masks = MaskDrafts(made.network, random_adapter(made.network.config, TOKENS))
    return made


def test_the_tables_have_a_row_for_each_order_and_chance(model: CausalModel) -> None:
    shown = tables(model, gaps_of([FOLDER], 2, seed=1), lambda _: None)
    assert shown.count("\n| from the left |") == shown.count("\n| by entropy |") == 3
    assert shown.count("\n| chance at least") == 2


def test_a_model_without_an_adapter_is_named() -> None:
    with pytest.raises(InputError, match="has no adapter; nothing was measured"):
        tables(tiny_causal(), (), lambda _: None)


def test_in_one_pass_the_order_does_not_matter(model: CausalModel) -> None:
    found = settled(model, gaps_of([FOLDER], 4, seed=1), lambda _: None)
    assert {(each.order, each.passes) for each in found} == {
        (order, passes) for order in Order for passes in (1, 2, 4)
    }
    at_once = {(each.tokens_right, each.blocks_right) for each in found if each.passes == 1}
    assert len(at_once) == 1
    assert all(each.blocks > 0 for each in found)


def test_without_likely_drafts_decoding_is_greedy(
    model: CausalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unverified_module, "LEAST", (2.0, 0.0))
    none, all_ = unverified(model, gaps_of([FOLDER], 4, seed=1))
    assert (none.same_as_greedy, none.tokens_per_pass) == (4, 1.0)
    assert all_.tokens_per_pass > 1.5


@pytest.mark.parametrize(
    ("order", "first"),
    [
        (Order.LEFT, [0, 1, 3]),
        (Order.ENDS, [0, 3, 1]),
        (Order.ENTROPY, [3, 0, 1]),
    ],
)
def test_an_order_chooses_among_the_open_places(order: Order, first: list[int]) -> None:
    assert orders._first(order, [0.2, 0.3, 0.0, 0.1], {2: 7}) == first
