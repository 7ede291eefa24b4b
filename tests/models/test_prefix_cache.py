"""The prefix cache is exact: however a document was edited, a prompt reads as if encoded afresh."""

from __future__ import annotations

import random

import pytest
import torch

from dgls.models.fused import FusedNetwork
from dgls.models.network import LibraryNetwork
from dgls.models.prefix_cache import PrefixCache
from tests.support.checkpoints import VOCABULARY, published_model, tiny_model

torch.set_num_threads(1)

NETWORKS = {
    "fused": lambda: FusedNetwork(tiny_model(layers=2)),
    "library": lambda: LibraryNetwork(tiny_model(layers=2)),
    "window of 8": lambda: LibraryNetwork(published_model(sliding_window=8)),
    "window of 24": lambda: LibraryNetwork(published_model(sliding_window=24)),
}


def edited(prompt: list[int], rng: random.Random) -> list[int]:
    """The prompt as after one keystroke, deletion, paste, undo or jump elsewhere."""
    kind = rng.randrange(6)
    new = [rng.randrange(8, VOCABULARY) for _ in range(rng.randint(1, 6))]
    place = rng.randint(0, len(prompt))
    if kind == 0:
        return [*prompt, new[0]]
    if kind == 1:
        return [*prompt, *new]
    if kind == 2:
        return prompt[: -rng.randint(1, 4)] or new
    if kind == 3:
        return [*prompt[:place], *new, *prompt[place:]]
    if kind == 4:
        return prompt[:place] + prompt[place + 2 :] or new
    return list(prompt)


@pytest.mark.parametrize("kind", NETWORKS)
def test_any_sequence_of_edits_reads_as_if_encoded_afresh(kind):
    network = NETWORKS[kind]()
    rng = random.Random(kind)
    cache = PrefixCache(network, entries=2)
    documents = [[rng.randrange(8, VOCABULARY) for _ in range(12)] for _ in range(3)]
    canvas = torch.randint(8, VOCABULARY, (1, 6), generator=torch.Generator().manual_seed(0))
    reused = 0
    for _ in range(40):
        index = rng.randrange(3)
        documents[index] = edited(documents[index], rng)[-40:]
        prefix = cache.encode(documents[index])
        states, past = network.extend(torch.tensor([documents[index]]), None)
        assert torch.allclose(prefix.last, states[:, -1], atol=1e-4)
        assert prefix.past.length == len(documents[index])
        expected = network.canvas(canvas, past, None)
        assert torch.allclose(network.canvas(canvas, prefix.past, None), expected, atol=1e-3)
        reused += prefix.cached
    assert reused > 0


@pytest.fixture
def cache():
    return PrefixCache(FusedNetwork(tiny_model(layers=1)), entries=2)


def test_typing_encodes_only_what_is_new(cache):
    prompt = list(range(10, 40))
    assert cache.encode(prompt).cached == 0
    assert cache.encode([*prompt, 50]).cached == 30
    assert cache.encode([*prompt, 50, 51, 52]).cached == 31


def test_the_same_prompt_again_encodes_nothing(cache):
    first = cache.encode([10, 11, 12])
    again = cache.encode([10, 11, 12])
    assert again.cached == 3
    assert again.last is first.last


def test_deleting_the_end_encodes_its_last_token_again(cache):
    cache.encode(list(range(10, 40)))
    assert cache.encode(list(range(10, 30))).cached == 19


def test_two_files_keep_their_own_prompts(cache):
    one, other = list(range(10, 40)), list(range(50, 80))
    for prompt in (one, other, [*one, 7], [*other, 8]):
        last = cache.encode(prompt)
    assert last.cached == 30


def test_the_oldest_prompt_is_forgotten(cache):
    prompts = [list(range(start, start + 20)) for start in (10, 50, 90)]
    for prompt in prompts:
        cache.encode(prompt)
    assert cache.encode(prompts[1]).cached == 20
    assert cache.encode(prompts[0]).cached == 0


def test_a_window_that_was_exceeded_still_takes_more_at_its_end():
    cache = PrefixCache(LibraryNetwork(published_model(sliding_window=8)))
    prompt = list(range(10, 40))
    cache.encode(prompt)
    assert cache.encode([*prompt, 9]).cached == 30
    assert cache.encode([*prompt, 8]).cached == 0
