"""The judge scores, and the draft writes, what a causal pass over everything would say."""

from __future__ import annotations

import pytest
import torch

from dgls.diffusion.loop import never
from dgls.errors import Stopped
from dgls.models.draft import CausalDraft, draft
from dgls.models.fused import FusedNetwork
from dgls.models.judge import judge
from dgls.models.network import LibraryNetwork, Network
from dgls.models.prefix_cache import Prefix, PrefixCache
from tests.support.checkpoints import VOCABULARY, published_model, tiny_model

torch.set_num_threads(1)

PROMPT = list(range(20, 50))


@pytest.fixture(scope="module", params=["fused", "library", "sliding"])
def network(request) -> Network:
    if request.param == "fused":
        return FusedNetwork(tiny_model())
    if request.param == "library":
        return LibraryNetwork(tiny_model())
    return LibraryNetwork(published_model(sliding_window=8))


@pytest.fixture
def prefix(network) -> Prefix:
    return PrefixCache(network).encode(PROMPT)


def log_probs(network: Network, tokens: list[int]) -> torch.Tensor:
    """Of every next token after every position: [tokens, vocab], in one pass over everything."""
    states, _ = network.extend(torch.tensor([tokens]), None)
    return torch.log_softmax(network.unembed(states), dim=-1)[0]


@pytest.mark.parametrize(
    "targets", [[[1]], [[60, 61, 1]], [[60, 1], [1], [70, 71, 72, 73, 74, 1]], [[5] * 20, [6]]]
)
def test_judges_every_target_as_one_pass_over_prompt_and_target_would(network, prefix, targets):
    for target, scores in zip(targets, judge(network, prefix, targets), strict=True):
        everything = log_probs(network, [*PROMPT, *target])
        places = range(len(PROMPT) - 1, len(PROMPT) - 1 + len(target))
        expected = [float(everything[at, token]) for at, token in zip(places, target, strict=True)]
        assert scores == pytest.approx(expected, abs=1e-3)


def written(network, prefix, limit=8, end=-1, too_far=lambda token: False, **control):
    arguments = {"should_stop": never, "out_of_time": never, **control}
    return draft(network, prefix, end, limit, too_far=too_far, **arguments)


def test_writes_the_likeliest_token_each_time(network, prefix):
    result = written(network, prefix)
    tokens = list(PROMPT)
    for token, log_prob in zip(result.tokens, result.log_probs, strict=True):
        best = log_probs(network, tokens)[-1].max(dim=-1)
        assert token == best.indices
        assert log_prob == pytest.approx(float(best.values), abs=1e-3)
        tokens.append(token)
    assert len(result.tokens) == 8
    assert not result.ended


def test_ends_with_the_end_of_the_gap(network, prefix):
    free = written(network, prefix)
    end = free.tokens[2]
    first = free.tokens.index(end)
    result = written(network, prefix, end=end)
    assert result.ended
    assert result.tokens == free.tokens[: first + 1]


def test_leaves_out_the_first_token_that_goes_too_far(network, prefix):
    free = written(network, prefix)
    beyond = iter([False, False, True])
    result = written(network, prefix, too_far=lambda token: next(beyond))
    assert result.tokens == free.tokens[:2]
    assert not result.ended


def test_is_judged_as_it_was_written(network, prefix):
    result = written(network, prefix)
    (scores,) = judge(network, prefix, [result.tokens])
    assert result.log_probs == pytest.approx(scores, abs=1e-3)


def test_out_of_time_keeps_what_is_written(network, prefix):
    times = iter([False, True])
    result = written(network, prefix, out_of_time=lambda: next(times))
    assert len(result.tokens) == 2
    assert not result.in_time


def test_a_stop_is_asked_for_before_every_token(network, prefix):
    answers = iter([False, False, True])
    with pytest.raises(Stopped):
        written(network, prefix, should_stop=lambda: next(answers))
    assert next(answers, None) is None


def test_drafting_leaves_the_prompt_usable(network, prefix):
    first = written(network, prefix)
    assert written(network, prefix) == first
    assert isinstance(first, CausalDraft)
    assert max(first.tokens) < VOCABULARY
