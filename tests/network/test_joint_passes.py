"""Joint passes of several fills give the same results as separate ones."""

from __future__ import annotations

from functools import cache as once

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgls.network.fused import FusedNetwork
from dgls.network.interface import Extension, JointNetwork, Reading
from dgls.network.library import LibraryNetwork, MixedNetwork
from tests.support.checkpoints import VOCABULARY, published_model, tiny_model

torch.set_num_threads(1)

NETWORKS = {
    "fused": lambda: FusedNetwork(tiny_model(layers=2)),
    "library": lambda: LibraryNetwork(tiny_model(layers=2)),
    "window of 8": lambda: LibraryNetwork(published_model(sliding_window=8)),
    "window of 8, spare of 2": lambda: LibraryNetwork(published_model(sliding_window=8), spare=2),
}

ROWS = st.integers(1, 3)
LENGTH = st.integers(1, 30)


@once
def network_of(kind: str) -> JointNetwork:
    return NETWORKS[kind]()


def tokens(seed: int, rows: int, length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(8, VOCABULARY, (rows, length), generator=generator)


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.allclose(one, other, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("kind", NETWORKS)
@settings(max_examples=15)
@given(asked=st.lists(st.tuples(ROWS, LENGTH, st.booleans()), min_size=1, max_size=4))
def test_canvases_of_several_fills_are_read_as_if_alone(kind, asked):
    """Rows, encoded tokens, and whether there was a step before; canvases of two sizes."""
    network = network_of(kind)
    wanted = []
    for index, (rows, length, conditioned) in enumerate(asked):
        _, past = network.extend(tokens(index, 1, length), None)
        canvas = tokens(100 + index, rows, 6 + 2 * (index % 2))
        past = past.for_batch(rows)
        conditioning = network.canvas(canvas, past, None) if conditioned else None
        wanted.append(Reading(canvas, past, conditioning))
    for each, logits in zip(wanted, network.canvas_all(wanted), strict=True):
        alone = network.canvas(each.tokens, each.past, each.conditioning)
        assert close(logits, alone)
        assert torch.equal(logits.argmax(dim=-1), alone.argmax(dim=-1))


@pytest.mark.parametrize("kind", NETWORKS)
@settings(max_examples=15)
@given(
    asked=st.lists(st.tuples(ROWS, st.integers(0, 30), st.integers(1, 3)), min_size=1, max_size=4)
)
def test_prompts_and_drafts_of_several_fills_are_extended_as_if_alone(kind, asked):
    """Rows, encoded tokens and new ones; the resulting pasts are extended equally too."""
    network = network_of(kind)
    wanted = []
    for index, (rows, length, new) in enumerate(asked):
        past = network.extend(tokens(index, 1, length), None)[1].for_batch(rows) if length else None
        wanted.append(Extension(tokens(100 + index, rows, new), past))
    for each, (states, past) in zip(wanted, network.extend_all(wanted), strict=True):
        expected, alone = network.extend(each.tokens, each.past)
        logits = [network.unembed(given) for given in (states, expected)]
        assert close(*logits)
        assert torch.equal(*(given.argmax(dim=-1) for given in logits))
        assert [keys.shape for keys in past.keys] == [keys.shape for keys in alone.keys]
        assert past.length == alone.length
        canvas = tokens(7, len(each.tokens), 6)
        assert close(*(network.canvas(canvas, given, None) for given in (past, alone)))


def test_a_mixed_network_also_reads_coarsely_and_scores_exactly_in_joint_passes():
    model = tiny_model()
    exact = FusedNetwork(model)
    quick = FusedNetwork(model, torch.bfloat16)
    mixed = MixedNetwork(exact, quick)
    extensions = [Extension(tokens(seed, 1, 5 + seed), None) for seed in range(2)]
    done = mixed.extend_all(extensions)
    for each, (states, _) in zip(extensions, done, strict=True):
        assert close(states, exact.extend(each.tokens, None)[0])
    readings = [Reading(tokens(9, 1, 6), past, None) for _, past in done]
    for each, logits in zip(readings, mixed.canvas_all(readings), strict=True):
        alone = mixed.canvas(each.tokens, each.past, None)
        assert logits.dtype == torch.float32
        assert (logits - alone).abs().mean() < 0.1
