"""The prefix cache is exact: after any edits, a prompt reads as if it were encoded afresh."""

from __future__ import annotations

from functools import cache as once

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgls.inference.prefix_cache import Prefix, PrefixCache
from dgls.network.fused import FusedNetwork
from dgls.network.interface import Network
from dgls.network.library import LibraryNetwork
from dgls.network.past import bytes_held
from tests.support.checkpoints import VOCABULARY, published_model, tiny_model

torch.set_num_threads(1)

NETWORKS = {
    "fused": lambda: FusedNetwork(tiny_model(layers=2)),
    "library": lambda: LibraryNetwork(tiny_model(layers=2)),
    "window of 8": lambda: LibraryNetwork(published_model(sliding_window=8)),
    "window of 8, spare of 3": lambda: LibraryNetwork(published_model(sliding_window=8), spare=3),
    "window of 24, spare of 0": lambda: LibraryNetwork(published_model(sliding_window=24), spare=0),
}

# Few tokens as in typing, and many as in opening a document.
TYPED = st.lists(st.integers(8, VOCABULARY - 1), min_size=1, max_size=6)
OPENED = st.lists(st.integers(8, VOCABULARY - 1), min_size=1, max_size=40)
SHARE = st.floats(0, 1)
EDIT = st.one_of(
    st.tuples(st.just("type"), st.just(1.0), TYPED),
    st.tuples(st.just("insert"), SHARE, TYPED),
    st.tuples(st.just("delete"), SHARE, st.integers(1, 12)),
    st.tuples(st.just("delete"), st.just(1.0), st.integers(1, 12)),
    st.tuples(st.just("open"), st.just(0.0), OPENED),
    st.tuples(st.just("ask again"), st.just(0.0), st.none()),
)
SESSION = st.lists(st.tuples(st.integers(0, 2), EDIT), min_size=2, max_size=12)


@once
def network_of(kind: str) -> Network:
    return NETWORKS[kind]()


def edited(prompt: list[int], edit: tuple) -> list[int]:
    """The prompt after an edit at a share of its length; never empty."""
    kind, share, what = edit
    place = round(share * len(prompt))
    match kind:
        case "type" | "insert":
            return prompt[:place] + what + prompt[place:]
        case "delete":
            return prompt[: max(0, place - what)] + prompt[place:] or [9]
        case "open":
            return list(what)
    return prompt


def tensors(prefix: Prefix) -> list[torch.Tensor]:
    return [prefix.last, *prefix.past.keys, *prefix.past.values]


@pytest.mark.parametrize("kind", NETWORKS)
@settings(max_examples=25)
@given(session=SESSION, room=st.sampled_from([1, 60_000, 10**9]))
def test_after_any_edits_a_prompt_reads_as_if_encoded_afresh(kind, session, room):
    """Documents are typed into, cut and switched, with and without enough memory."""
    network = network_of(kind)
    cache = PrefixCache(network, room)
    canvas = torch.randint(8, VOCABULARY, (1, 6), generator=torch.Generator().manual_seed(0))
    documents = [[8 + index] * 12 for index in range(3)]
    for index, edit in session:
        prompt = documents[index] = edited(documents[index], edit)[-60:]
        prefix = cache.encode(prompt)
        states, past = network.extend(torch.tensor([prompt]), None)
        assert (prefix.tokens, prefix.past.length) == (tuple(prompt), len(prompt))
        assert torch.allclose(
            network.unembed(prefix.last), network.unembed(states[:, -1]), atol=1e-3
        )
        after = [network.canvas(canvas, each, None) for each in (prefix.past, past)]
        assert torch.allclose(*after, atol=1e-3)
        assert cache.bytes <= room or cache.prompts == 1


def filled(network: Network, *prompts: list[int], room: int = 10**9) -> PrefixCache:
    """A cache that has encoded the prompts."""
    cache = PrefixCache(network, room)
    for prompt in prompts:
        cache.encode(prompt)
    return cache


@pytest.fixture(scope="module")
def network() -> Network:
    return FusedNetwork(tiny_model(layers=1))


ONE, OTHER, THIRD = (list(range(start, start + 30)) for start in (10, 50, 90))


def test_typing_encodes_only_new_tokens(network):
    cache = filled(network, ONE)
    assert cache.encode([*ONE, 50]).cached == 30
    assert cache.encode([*ONE, 50, 51, 52]).cached == 31


def test_the_same_prompt_again_encodes_nothing(network):
    cache = PrefixCache(network)
    first, again = cache.encode(ONE), cache.encode(ONE)
    assert again.cached == 30
    assert again.last is first.last


def test_deleting_the_end_encodes_its_last_token_again(network):
    assert filled(network, ONE).encode(ONE[:20]).cached == 19


def test_two_files_keep_separate_prompts(network):
    cache = filled(network, ONE, OTHER, [*ONE, 7])
    assert cache.encode([*OTHER, 8]).cached == 30


def test_the_least_recently_used_prompt_is_evicted(network):
    size = filled(network, ONE).bytes
    cache = filled(network, ONE, OTHER, ONE, THIRD, room=2 * size)
    assert (cache.prompts, cache.bytes) == (2, 2 * size)
    assert cache.encode(ONE).cached == 30
    assert cache.encode(OTHER).cached == 0


def test_a_prompt_larger_than_the_cache_is_kept_alone(network):
    cache = filled(network, ONE, OTHER, room=1)
    assert cache.prompts == 1
    assert cache.encode(OTHER).cached == 30


def test_the_size_of_a_prompt_is_the_memory_it_holds(network):
    prefix = PrefixCache(network).encode(ONE)
    assert filled(network, ONE).bytes == bytes_held(tensors(prefix))
    cut = prefix.past.cut(3)
    assert cut is not None
    assert bytes_held([*tensors(prefix), *cut.keys]) == bytes_held(tensors(prefix))
    assert bytes_held(cut.keys) == bytes_held(prefix.past.keys)
    # Only the keys, values and states themselves are kept alive.
    assert bytes_held(tensors(prefix)) == sum(tensor.nbytes for tensor in tensors(prefix))


def test_forgotten_prompts_are_encoded_again(network):
    cache = filled(network, ONE)
    cache.clear()
    assert cache.bytes == 0
    assert cache.encode(ONE).cached == 0


@pytest.mark.parametrize(("spare", "cached"), [(0, 0), (4, 0), (5, 26)])
def test_a_prompt_past_its_window_is_cut_back_only_within_the_spare(spare, cached):
    network = LibraryNetwork(published_model(sliding_window=8), spare)
    cache = filled(network, ONE, [*ONE, 9])
    assert cache.encode([*ONE[:26], 8]).cached == cached


def test_a_long_prompt_holds_only_windows_and_spare():
    network = LibraryNetwork(published_model(sliding_window=8), spare=3)
    past = PrefixCache(network).encode(ONE).past
    assert [keys.shape[-2] for keys in past.keys] == [10, 10, 30]
    assert bytes_held(past.keys) == sum(keys.nbytes for keys in past.keys)
