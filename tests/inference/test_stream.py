"""The causal stream on a tiny random model: drafts change nothing, healing and scores are right."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
import torch

from dgls.canvas.fim import FimPrompt
from dgls.errors import Stopped
from dgls.inference.beams import BeamLimits
from dgls.inference.causal_model import CausalModel
from dgls.inference.control import RunControl
from dgls.inference.drafts import ROWS, BestDrafts
from dgls.inference.lookup import Lookup
from dgls.inference.prompt_cache import ReadPrompt
from dgls.inference.scoring import Scorer
from dgls.inference.written import UNFINISHED, Ends, Written
from dgls.network.rows import Rows
from dgls.protocol import FillRequest
from tests.support.checkpoints import SOURCE
from tests.support.qwen2 import tiny_causal

HEADS = ("    result", "    for item in it", "self.na", "  ", "\n", "def add(self, n", "'λ")


@pytest.fixture(scope="module")
def model() -> CausalModel:
    return tiny_causal()


def prompts(model: CausalModel, count: int) -> list[FimPrompt]:
    """Prompts of places in a source, some within a word."""
    random, found = Random(0), []
    for _ in range(count):
        cut = random.randrange(1, len(SOURCE))
        request = FillRequest((SOURCE[:cut], SOURCE[cut:]))
        found.append(model.layout.prompt(request))
    return found


def ends(model: CausalModel, lines: int = 3, tokens: int = 24) -> Ends:
    return model.ends(lines, tokens)


def greedy(model: CausalModel, prompt: FimPrompt, kept: Sequence[int] = (), **limits) -> Written:
    return model.greedy(prompt, ends(model, **limits), RunControl(), kept)[0]


def alone(model: CausalModel, prompt: FimPrompt) -> Written:
    """The greedy text, one token per pass, with separate slots."""
    slots = model.network.slots(64)
    states = model.network.read(Rows(torch.tensor(prompt.tokens)), slots)[-1:]
    read = ReadPrompt(slots, states, cached=0)
    nothing = BestDrafts(None, None, lambda written, token: False)
    return model.stream.greedy(read, prompt.rest, ends(model), nothing, RunControl())


def test_drafts_do_not_change_the_text(model: CausalModel) -> None:
    saved = 0
    for prompt in prompts(model, 40):
        with_drafts, without = greedy(model, prompt), alone(model, prompt)
        assert with_drafts.tokens == without.tokens
        assert with_drafts.last == without.last
        assert with_drafts.log_probs == pytest.approx(without.log_probs, abs=1e-3)
        assert with_drafts.end == pytest.approx(without.end, abs=1e-3)
        saved += without.passes - with_drafts.passes
    assert saved > 0


@pytest.mark.parametrize("right", [0, 1, 3, 99])
def test_a_kept_draft_saves_passes_as_far_as_it_is_correct(model: CausalModel, right: int) -> None:
    prompt = max(prompts(model, 20), key=lambda each: len(alone(model, each).tokens))
    wanted = alone(model, prompt)
    kept = [*wanted.tokens[:right], *([5] * 3 if right < len(wanted.tokens) else [])]
    found = greedy(model, prompt, kept)
    assert found.tokens == wanted.tokens
    if right == 99:
        assert found.passes <= 1 + len(wanted.tokens) // ROWS


@pytest.mark.parametrize("head", HEADS)
def test_the_text_begins_with_the_end_of_the_prefix(model: CausalModel, head: str) -> None:
    prompt = model.layout.prompt(FillRequest(("def total(items):\n" + head, "\n    return 1\n")))
    assert prompt.rest == b"" if head == "\n" else head.encode().endswith(prompt.rest)
    for written in (
        greedy(model, prompt),
        *model.beams(prompt, model.read(prompt), ends(model, lines=1), BeamLimits(3), RunControl()),
    ):
        assert model.table.join(written.tokens).startswith(prompt.rest)
        said = model.table.join(written.tokens)[len(prompt.rest) :].decode("utf-8", "replace")
        # A carriage return is part of the line end.
        assert written.text(model.table, 99).startswith(said.removesuffix("\r"))


def test_the_cache_keeps_only_the_prompt(model: CausalModel) -> None:
    for prompt in prompts(model, 4):
        wanted = model.network.logits(model.read(prompt).states)
        _, read = model.greedy(prompt, ends(model), RunControl())
        model.beams(prompt, read, ends(model, lines=1), BeamLimits(3), RunControl())
        model.scores(prompt, read, ends(model), ["x = 1", "y"])
        assert read.slots.length == len(prompt.tokens)
        again = model.network.logits(model.read(prompt).states)
        torch.testing.assert_close(again, wanted, atol=1e-3, rtol=1e-3)


def test_one_beam_equals_greedy(model: CausalModel) -> None:
    for prompt in prompts(model, 12):
        limits = {"lines": 1, "tokens": 12}
        wanted = greedy(model, prompt, **limits)
        (found, *_) = model.beams(
            prompt, model.read(prompt), ends(model, **limits), BeamLimits(1), RunControl()
        )
        shortest = min(len(found.tokens), len(wanted.tokens))
        assert found.tokens[:shortest] == wanted.tokens[:shortest]


def test_beams_far_less_likely_than_the_best_text_are_dropped(model: CausalModel) -> None:
    for prompt in prompts(model, 8):
        limits = ends(model, lines=1, tokens=12)
        whole = model.beams(prompt, model.read(prompt), limits, BeamLimits(4), RunControl())
        known = whole[0].total
        few = model.beams(
            prompt, model.read(prompt), limits, BeamLimits(4, known, 1.5), RunControl()
        )
        assert all(each.total > known - 1.5 for each in few)
        assert len(few) >= sum(each.total > known - 1.5 for each in whole)
        assert not model.beams(
            prompt, model.read(prompt), limits, BeamLimits(4, 1.0, 0.5), RunControl()
        )


def test_beams_are_distinct_correctly_scored_and_best_first(model: CausalModel) -> None:
    for prompt in prompts(model, 8):
        limits = ends(model, lines=1, tokens=12)
        four = model.beams(prompt, model.read(prompt), limits, BeamLimits(4), RunControl())
        for each in four:
            steps = by_steps(model, prompt, each.tokens)
            assert sum(each.log_probs) == pytest.approx(steps, abs=1e-2)
        totals = [each.total for each in four]
        assert totals == sorted(totals, reverse=True)
        said = [model.table.join(each.tokens) for each in four]
        assert len(set(said)) == len(said) <= 4


def test_a_score_is_the_sum_of_the_steps(model: CausalModel) -> None:
    texts = ["result", "items.append(item)", "0", ""]
    for prompt in prompts(model, 6):
        scored = model.scores(prompt, model.read(prompt), ends(model, lines=1), texts)
        for text, written in zip(texts, scored, strict=True):
            tokens = model.layout.text(prompt, text)
            assert written.tokens == tokens
            assert sum(written.log_probs) == pytest.approx(
                by_steps(model, prompt, tokens), abs=1e-2
            )


def by_steps(model: CausalModel, prompt: FimPrompt, tokens: Sequence[int]) -> float:
    """The log-probability of tokens, read one by one, including those of `rest`."""
    rest, total = prompt.rest, 0.0
    for index, token in enumerate(tokens):
        read = torch.tensor([*prompt.tokens, *tokens[:index]])
        logits = model.network.logits(model.network.read(Rows(read), model.network.slots(1))[-1:])[
            0
        ]
        if rest:
            allowed = torch.full_like(logits, float("-inf"))
            allowed[model.table.beginning(rest)] = 0.0
            logits = logits + allowed
        total += float(logits.log_softmax(-1)[token])
        rest = rest[len(model.table.text_of(token)) :]
    return total


def test_a_text_that_does_not_continue_the_prefix_scores_minus_infinity(model: CausalModel) -> None:
    prompt = model.layout.prompt(FillRequest(("x = res", "\n")))
    other = [model.codec.encode("abc")]
    read = model.read(prompt)
    (written,) = Scorer(model.network, model.table).scores(
        read.slots, read.states, prompt.rest, ends(model), other
    )
    assert written.total == -math.inf


@pytest.mark.parametrize("lines", [1, 2])
def test_a_text_keeps_to_its_line_and_token_limits(model: CausalModel, lines: int) -> None:
    for prompt in prompts(model, 12):
        written = greedy(model, prompt, lines=lines, tokens=9)
        assert written.text(model.table, lines).count("\n") < lines
        assert len(written.tokens) <= 9 + len(prompt.healed)


def test_a_stream_ends_at_once_on_a_stop_or_deadline(model: CausalModel) -> None:
    prompt = max(prompts(model, 20), key=lambda each: len(alone(model, each).tokens))
    with pytest.raises(Stopped, match="nothing was changed"):
        model.greedy(prompt, ends(model), RunControl(should_stop=lambda: True))
    with pytest.raises(Stopped):
        model.beams(
            prompt,
            model.read(prompt),
            ends(model),
            BeamLimits(2),
            RunControl(should_stop=lambda: True),
        )
    late = RunControl(deadline=0.0)
    written, _ = model.greedy(prompt, ends(model), late)
    assert (written.complete, written.passes) == (False, 0)
    assert written.tokens == alone(model, prompt).tokens[: len(written.tokens)]


@pytest.mark.parametrize(
    ("prompt", "written", "most", "expected"),
    [
        ([1, 2, 3, 4, 1, 2], [], 3, (3, 4, 1)),
        ([1, 2, 3, 4, 9], [1, 2], 2, (3, 4)),
        ([1, 2, 3, 7, 2, 9, 5, 1, 2], [], 1, (3,)),
        ([5, 8, 5, 9, 5], [], 7, (9, 5)),
        ([1, 2, 3], [4], 4, ()),
        ([1, 2, 3], [], 4, ()),
        ([1], [], 4, ()),
        ([], [], 4, ()),
        ([1, 2, 1], [], 0, ()),
    ],
)
def test_a_draft_follows_the_longest_and_latest_match(prompt, written, most, expected) -> None:
    assert Lookup(prompt).likely(written, most, least=0.0)[0] == expected


def test_a_draft_ends_before_an_unlikely_token() -> None:
    short, long = Lookup([7, 1, 2, 3, 4, 8, 1]), Lookup([9, 7, 1, 2, 3, 4, 8, 9, 7, 1])
    for least in (0.1, 0.3, 0.5):
        (few, few_chances), (more, _) = (each.likely((), 7, least) for each in (short, long))
        assert len(few) <= len(more)
        assert all(chance >= least for chance in few_chances)
    assert short.likely((), 7, 0.9) == ((), ())


def test_drafting_in_a_long_prompt_is_fast() -> None:
    random = Random(0)
    lookup = Lookup([random.randrange(500) for _ in range(4000)])
    began = time.perf_counter()
    for index in range(20):
        lookup.likely([index, index + 1], 7, least=0.0)
    assert time.perf_counter() - began < 1.0


def test_the_score_of_an_unended_text_is_valid_json() -> None:
    unfinished = Written((1,), (-0.5,), (1.0,), -math.inf, last=None, healed=0, passes=1)
    assert unfinished.score == UNFINISHED
    assert replace(unfinished, end=-0.25).score == -0.75
