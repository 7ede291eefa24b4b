"""Judge and draft agree with one causal pass over everything."""

from __future__ import annotations

import pytest
import torch

from dgls.errors import Stopped
from dgls.inference.control import RunControl
from dgls.inference.draft import Bounds, CausalDraft, drafts
from dgls.inference.judge import judge
from dgls.inference.prefix_cache import Prefix, PrefixCache
from dgls.network.fused import FusedNetwork
from dgls.network.interface import Network
from dgls.network.library import LibraryNetwork
from dgls.network.past import Past
from tests.support.checkpoints import CHAT_VOCABULARY, published_model, tiny_model

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
    """The next token's log-probabilities at every position: [tokens, vocab], in one pass."""
    states, _ = network.extend(torch.tensor([tokens]), None)
    return torch.log_softmax(network.unembed(states), dim=-1)[0]


@pytest.mark.parametrize(
    "targets", [[[1]], [[60, 61, 1]], [[60, 1], [1], [70, 71, 72, 73, 74, 1]], [[5] * 20, [6]]]
)
def test_targets_score_as_in_one_pass_over_prompt_and_target(network, prefix, targets):
    for target, scores in zip(targets, judge(network, prefix, targets), strict=True):
        everything = log_probs(network, [*PROMPT, *target])
        places = range(len(PROMPT) - 1, len(PROMPT) - 1 + len(target))
        expected = [float(everything[at, token]) for at, token in zip(places, target, strict=True)]
        assert scores == pytest.approx(expected, abs=1e-3)


def searched(network, prefix, limit=8, beams=1, end=-1, lines=99, breaks=None, **control):
    bounds = Bounds(end, limit, lines, breaks or [0] * CHAT_VOCABULARY, beams)
    return drafts(network, prefix, bounds, control=RunControl(**control))


def written(network, prefix, **bounds) -> CausalDraft:
    (draft,) = searched(network, prefix, **bounds)
    return draft


def test_one_beam_writes_the_likeliest_token_each_time(network, prefix):
    result = written(network, prefix)
    tokens = list(PROMPT)
    for token, log_prob in zip(result.tokens, result.log_probs, strict=True):
        best = log_probs(network, tokens)[-1].max(dim=-1)
        assert token == best.indices
        assert log_prob == pytest.approx(float(best.values), abs=1e-3)
        tokens.append(token)
    assert len(result.tokens) == 8
    assert not result.ended


def test_the_judge_agrees_with_the_scores_of_drafts(network, prefix):
    end = written(network, prefix).tokens[2]
    found = searched(network, prefix, beams=4, end=end)
    assert len({draft.tokens for draft in found}) == len(found) > 1
    for draft, scores in zip(
        found, judge(network, prefix, [draft.tokens for draft in found]), strict=True
    ):
        assert draft.log_probs == pytest.approx(scores, abs=1e-3)


def test_out_of_time_keeps_the_written_text(network, prefix):
    result = written(network, prefix, deadline=0.0)
    assert len(result.tokens) == 1
    assert not result.in_time


def test_the_stop_token_is_checked_before_every_token(network, prefix):
    answers = iter([False, False, True])
    with pytest.raises(Stopped):
        written(network, prefix, should_stop=lambda: next(answers))
    assert next(answers, None) is None


def test_drafting_leaves_the_prompt_usable(network, prefix):
    first = searched(network, prefix, beams=3)
    again = searched(network, prefix, beams=3)
    assert [draft.tokens for draft in again] == [draft.tokens for draft in first]


END, BREAK, A, B, C, D = range(6)
START = 9


class Chain:
    """A network that only knows which token follows which, with what probability."""

    vocabulary = 10
    device = torch.device("cpu")
    dtype = torch.float32

    def __init__(self, follows: dict[int, dict[int, float]]) -> None:
        self._table = torch.full((10, 10), 1e-9)
        for token, odds in follows.items():
            for following, probability in odds.items():
                self._table[token, following] = probability
        self.passes = 0

    def extend(self, tokens, past):
        self.passes += 1
        length = tokens.shape[1] + (past.length if past else 0)
        nothing = (torch.zeros(len(tokens), 1, length, 1),)
        return torch.nn.functional.one_hot(tokens, 10).float(), Past(nothing, nothing, length)

    def unembed(self, states):
        return (states @ self._table).log()


def search(follows, beams, limit=6, lines=9):
    chain = Chain(follows)
    prefix = PrefixCache(chain).encode([START])
    breaks = [int(token == BREAK) for token in range(10)]
    bounds = Bounds(END, limit, lines, breaks, beams)
    return drafts(chain, prefix, bounds, control=RunControl()), chain.passes - 1


def texts(found) -> list[str]:
    return ["".join(".|abcd"[token] for token in draft.tokens) for draft in found]


HIDDEN = {START: {A: 0.55, B: 0.45}, A: {END: 0.4, C: 0.3, D: 0.3}, B: {END: 1.0}}
HIDDEN |= {C: {END: 1.0}, D: {END: 1.0}}


@pytest.mark.parametrize(("beams", "expected"), [(1, "a."), (2, "b.")])
def test_two_beams_find_a_likelier_text_than_one(beams, expected):
    """Of "a." with 0.22 and "b." with 0.45 the first begins better."""
    assert texts(search(HIDDEN, beams)[0])[0] == expected


def test_the_search_ends_when_nothing_can_overtake_the_best():
    found, passes = search({START: {A: 0.9, B: 0.1}, A: {END: 1.0}, B: {B: 1.0}}, beams=3)
    assert texts(found) == ["a."]
    assert passes == 1


def test_the_empty_fill_comes_last_and_does_not_end_the_search():
    found, _ = search({START: {END: 0.9, A: 0.1}, A: {B: 1.0}, B: {END: 1.0}}, beams=1)
    assert texts(found) == ["ab.", "."]
    assert [draft.ended for draft in found] == [True, True]


@pytest.mark.parametrize(("lines", "expected"), [(1, "a"), (2, "a|b"), (3, "a|b|b"), (9, "a|b|b|")])
def test_a_draft_keeps_to_the_line_limit(lines, expected):
    follows = {START: {A: 1.0}, A: {BREAK: 1.0}, BREAK: {B: 1.0}, B: {BREAK: 1.0}}
    (found, *_), _ = search(follows, beams=1, limit=6, lines=lines)
    assert (texts([found]), found.ended) == ([expected], False)


def test_nothing_is_drafted_if_the_gap_is_almost_surely_empty():
    found, passes = search({START: {END: 0.9999, A: 0.0001}, A: {B: 1.0}}, beams=4)
    assert (texts(found), passes) == (["."], 0)
    (found,), passes = search({START: {BREAK: 1.0}}, beams=1, lines=1)
    assert (found, passes) == (CausalDraft((), (), ended=False), 0)
