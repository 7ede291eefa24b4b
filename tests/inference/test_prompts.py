"""The cache of read prompts: what is read again, what is kept, and that states are unchanged."""

from __future__ import annotations

import pytest
import torch

from dgls.inference.drafts import Plan
from dgls.inference.prompt_cache import PromptCache
from dgls.network.rows import Rows
from tests.support.qwen2 import VOCABULARY, tiny_network


def text(count: int, seed: int = 0) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(VOCABULARY, (count,), generator=generator).tolist()


ONE, TWO = text(200), text(200, seed=1)

# The prompts read in turn, and how many tokens of the last are cached.
EDITS = {
    "typing": ([ONE[:100], ONE[:101], ONE[:104]], 101),
    "the same again": ([ONE[:100], ONE[:100]], 99),
    "deletion": ([ONE[:100], ONE[:60]], 59),
    "replaced end": ([ONE[:100], [*ONE[:90], *TWO[:5]]], 90),
    "a jump back": ([ONE[:100], [*ONE[:60], *TWO[:60]], ONE[:100]], 60),
    "far up in the file": ([ONE[:100], [*ONE[:50], *TWO[:90]], ONE[:101]], 50),
    "another document": ([ONE[:100], TWO[:100]], 0),
    "two documents in turn": ([ONE[:100], TWO[:100], ONE[:101], TWO[:101]], 100),
    "a common prefix too short to copy": ([ONE[:200], [*ONE[:20], *TWO[:50]], ONE[:200]], 199),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("drafts", [(), (3, 4, 5)])
def test_cached_states_equal_a_fresh_read(edit: str, drafts: tuple[int, ...]) -> None:
    network, (prompts, cached) = tiny_network(), EDITS[edit]
    cache = PromptCache(network, 50_000_000)
    for prompt in prompts:
        read = cache.read(prompt, Plan(drafts))
        fresh = network.read(Rows(torch.tensor([*prompt, *drafts])), network.slots(1))
        torch.testing.assert_close(
            read.states, fresh[-1 - len(drafts) :], atol=1e-3, rtol=1e-3, msg=edit
        )
        assert read.slots.length == len(prompt) + len(drafts)
        read.slots.cut(len(prompt))
    assert read.cached == cached


def test_the_oldest_prompts_are_evicted_and_the_two_newest_kept() -> None:
    network = tiny_network()
    few = PromptCache(network, 1)
    few.read(ONE)
    room = few.bytes
    assert room > 0
    few.read(TWO)
    assert few.read(ONE).cached == 199
    few.read(text(200, seed=2))
    assert few.bytes <= 2 * room
    assert few.read(TWO).cached == 0

    two = PromptCache(network, 2 * room + room // 2)
    for prompt in (ONE, TWO, text(200, seed=2)):
        two.read(prompt)
        assert two.bytes <= 2 * room + room // 2
    assert two.read(TWO).cached == 199
    assert two.read(ONE).cached == 0

    two.clear()
    assert two.bytes == 0
    assert two.read(ONE).cached == 0


def test_a_full_cache_allocates_no_new_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny_network()
    room = PromptCache(network, 1)
    room.read(ONE)
    cache = PromptCache(network, 3 * room.bytes)
    for prompt in (ONE, TWO, text(200, seed=2)):
        cache.read(prompt)
    monkeypatch.setattr(network, "slots", None)
    for turn in range(20):
        cache.read([*ONE[: 60 + turn], *TWO[turn:]])
        cache.read(text(150, seed=turn))
    assert cache.bytes == 3 * room.bytes
