"""One fill end to end, on a tiny random model: guarantees that hold for any model."""

from __future__ import annotations

import dataclasses
import time

import pytest

from dgls.diffusion.loop import DenoiseSettings
from dgls.diffusion.sampler import Order
from dgls.errors import InputError
from dgls.fill.ranking import Proposal, single_gap
from dgls.fill.soundness import Soundness
from dgls.fill.strategy import Strategy
from dgls.inference.control import RunControl
from dgls.inference.draft import CausalDraft
from dgls.inference.model import FilledCanvas, Model
from dgls.protocol import Draft, FillRequest, Gap, Limits, Trigger
from tests.fill.tiny import BOTH, PREFIX, REQUEST, SUFFIX, fill


def test_candidates_are_distinct_ranked_and_scored_by_the_judge(model):
    reply = fill(model)
    scores = [candidate.score for candidate in reply.candidates if any(candidate.texts)]
    assert scores == sorted(scores, reverse=True)
    assert reply.threshold == (model.metadata.threshold or 0.5)
    texts = [candidate.texts for candidate in reply.candidates]
    assert len(set(texts)) == len(texts) > 1
    prefix = model.encode(model.layout.build(REQUEST).prompt)
    for candidate in reply.candidates:
        (judged,) = model.judge(prefix, [model.layout.target(candidate.texts)])
        assert candidate.score == pytest.approx(sum(judged), abs=1e-3)
        assert 0 <= candidate.confidence <= 1
    assert (reply.model, reply.complete) == ("tiny", True)


def test_the_number_of_candidates_is_the_one_requested(model):
    one = fill(model, dataclasses.replace(REQUEST, limits=Limits(candidates=1)))
    assert one.candidates == fill(model).candidates[:1]


@pytest.mark.parametrize(
    ("strategy", "sources"),
    [
        (Strategy(causal=True, passes=0, noise=0, copies=0), {"draft"}),
        (Strategy(causal=False, noise=1, copies=0), {"noise"}),
        (Strategy(causal=True, passes=1, noise=1, copies=0), {"draft", "revised", "noise"}),
    ],
)
def test_the_strategy_selects_the_proposals(model, strategy, sources):
    reply = fill(model, strategy=strategy)
    assert {candidate.proposal for candidate in reply.candidates} <= sources
    assert (reply.steps == 0) == (sources == {"draft"})


@pytest.mark.parametrize(
    ("gap", "around", "copied"),
    [
        (
            Gap(),
            ("def mean(rows):\n    for row in rows:\n        use(row)\n" + PREFIX, SUFFIX),
            True,
        ),
        (Gap(), ("", ""), True),
        # A user who rewrites a text wants another one, not a copy.
        (Gap(text="result += item"), ("", ""), False),
    ],
)
def test_texts_of_the_document_are_proposed_for_an_empty_gap(model, gap, around, copied):
    request = dataclasses.replace(REQUEST, gaps=(gap,), around=around)
    found = fill(model, request, Strategy(copies=6)).candidates
    texts = {fill.texts[0] for fill in found if fill.proposal == "copied"}
    assert bool(texts) == copied
    # Text beyond the model's context counts, with names changed to those around the gap.
    assert ("use(item)" in texts) == bool(around[0])


def test_a_copied_text_is_scored_by_the_judge(model):
    found = fill(model, strategy=Strategy(passes=0, noise=0, copies=2)).candidates
    prefix = model.encode(model.layout.build(REQUEST).prompt)
    copied = [fill for fill in found if fill.proposal == "copied"]
    assert 1 <= len(copied) <= 2
    for each in copied:
        (judged,) = model.judge(prefix, [model.layout.target(each.texts)])
        assert each.score == pytest.approx(sum(judged), abs=1e-3)


@pytest.fixture
def sure_draft(model, monkeypatch):
    """Make the model draft "result" with a given log-probability for each token."""
    tokens = model.layout.target(["result"])
    drafted = CausalDraft(tokens, (-0.1,) * len(tokens), ended=True)
    monkeypatch.setattr(model, "drafts", lambda *arguments: (drafted,))
    return Proposal(("result",), "draft", drafted.log_probs)


@pytest.fixture
def fitted(model, monkeypatch):
    """Make the model's confidence count as fitted."""
    monkeypatch.setattr(model, "metadata", dataclasses.replace(model.metadata, threshold=0.5))


AUTOMATIC, EXPLICIT = Trigger.AUTOMATIC, Trigger.EXPLICIT


@pytest.mark.parametrize(
    ("enough", "wanted", "trigger", "alone"),
    [
        (0.0, 1, EXPLICIT, True),
        (1.0, 1, EXPLICIT, False),
        (0.0, 2, EXPLICIT, False),
        (0.0, 2, AUTOMATIC, True),
    ],
)
@pytest.mark.usefixtures("fitted")
def test_a_sure_draft_ends_the_search_if_one_candidate_is_wanted(
    model, sure_draft, enough, wanted, trigger, alone
):
    request = dataclasses.replace(REQUEST, limits=Limits(candidates=wanted), trigger=trigger)
    reply = fill(model, request, dataclasses.replace(BOTH, enough=enough))
    assert (reply.steps == 0) == alone
    assert reply.best.score == pytest.approx(sum(sure_draft.log_probs or ()))


@pytest.mark.usefixtures("fitted")
def test_a_sure_copy_needs_no_draft(model, monkeypatch):
    monkeypatch.delattr(Model, "drafts")
    # Which copy the random weights rank first is chance, and one of them is not sound.
    monkeypatch.setattr(Soundness, "__call__", lambda self, texts: True)
    request = dataclasses.replace(REQUEST, limits=Limits(candidates=1))
    reply = fill(model, request, Strategy(enough=0.0))
    assert [each.proposal for each in reply.candidates] == ["copied"]


def test_an_unfitted_confidence_never_ends_the_search(model, sure_draft):
    request = dataclasses.replace(REQUEST, limits=Limits(candidates=1))
    assert model.metadata.threshold is None
    assert fill(model, request, dataclasses.replace(BOTH, enough=0.0)).steps > 0


def test_a_complete_draft_is_not_judged_again(model, sure_draft, monkeypatch):
    monkeypatch.delattr(Model, "judge")
    reply = fill(model, strategy=Strategy(passes=0, noise=0, copies=0))
    assert reply.candidates[0].texts == sure_draft.texts


def test_out_of_time_after_the_draft_no_other_proposal_is_made(model, sure_draft, monkeypatch):
    drafted = model.drafts()
    monkeypatch.setattr(model, "drafts", lambda *arguments: (time.sleep(0.05), drafted)[1])
    request = dataclasses.replace(REQUEST, limits=Limits(deadline_ms=30))
    reply = fill(model, request)
    assert (reply.steps, reply.complete) == (0, False)


def test_out_of_time_after_denoising_unscored_proposals_are_dropped(model, sure_draft, monkeypatch):
    canvas = model.layout.build(REQUEST)
    other = [*model.codec.encode("other"), model.end]
    slots = canvas.gaps[0]
    tokens = [*canvas.tokens]
    tokens[slots.start : slots.start + len(other)] = other

    def revise(*arguments):
        time.sleep(0.2)
        return FilledCanvas(tuple(tokens), 1)

    monkeypatch.setattr(model, "revise", revise)
    in_time = fill(model, strategy=Strategy(passes=1, noise=0, copies=0))
    assert {each.texts[0] for each in in_time.candidates} == {"result", "other"}
    request = dataclasses.replace(REQUEST, limits=Limits(deadline_ms=150, candidates=9))
    late = fill(model, request, Strategy(passes=1, noise=0, copies=0))
    assert [each.texts[0] for each in late.candidates] == ["result"]
    assert not late.complete


def test_the_same_seed_gives_the_same_reply_and_another_may_not(model):
    sampled = dataclasses.replace(
        Strategy(causal=False, noise=1),
        denoise=DenoiseSettings(max_steps=3, entropy_bound=50.0),
    )
    first, again, other = (
        fill(model, dataclasses.replace(REQUEST, seed=seed), sampled).candidates
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_typing_reuses_the_prompt(model):
    fill(model)
    again = fill(model)
    assert again.cached_tokens == again.prompt_tokens > 0
    typed = dataclasses.replace(REQUEST, parts=(PREFIX + "res", SUFFIX))
    reply = fill(model, typed)
    assert 0 < reply.cached_tokens < reply.prompt_tokens


def test_every_gap_of_several_is_filled_and_judged_in_turn(model):
    request = FillRequest(
        ("def total(", "):\n    return ", "\n"), (Gap(), Gap()), limits=Limits(candidates=9)
    )
    reply = fill(model, request)
    assert all(len(candidate.texts) == 2 for candidate in reply.candidates)
    best = reply.best
    expected = 0.0
    for index in range(2):
        alone = single_gap(request, index, best.texts)
        prefix = model.encode(model.layout.build(alone).prompt)
        expected += sum(model.judge(prefix, [model.layout.target([best.texts[index]])])[0])
    assert best.score == pytest.approx(expected, abs=1e-3)


def test_a_fill_keeps_to_its_lines(model):
    for lines in (1, 2):
        request = dataclasses.replace(REQUEST, gaps=(Gap(max_lines=lines),))
        for candidate in fill(model, request).candidates:
            assert candidate.texts[0].count("\n") < lines


def canvases(model, monkeypatch) -> list[list[int]]:
    """The tokens of each denoise pass from now on."""
    seen: list[list[int]] = []
    original = model.network.canvas

    def spy(tokens, past, conditioning):
        seen.append(tokens[0].tolist())
        return original(tokens, past, conditioning)

    monkeypatch.setattr(model.network, "canvas", spy)
    return seen


def test_a_repair_without_noise_starts_from_the_old_text(model, monkeypatch):
    old = "result += item"
    request = dataclasses.replace(REQUEST, gaps=(Gap(text=old, strength=0.0),))
    two = DenoiseSettings(max_steps=2, order=Order.LEFT, entropy_bound=0.0, greedy=True)
    seen = canvases(model, monkeypatch)
    drafts: list[Draft] = []
    fill(model, request, Strategy(causal=False, denoise=two), drafts.append)
    assert model.layout.texts(model.layout.build(request), seen[0]) == (old,)
    assert all(drafts[0].accepted)


def test_an_unfinished_draft_is_ended_and_padded_for_the_denoiser(model, monkeypatch):
    canvas = model.layout.build(REQUEST)
    prefix = model.encode(canvas.prompt)
    seen = canvases(model, monkeypatch)
    model.revise(
        prefix, canvas, [CausalDraft((30, 31), (-1.0, -1.0), ended=False)], 1, RunControl()
    )
    slots = canvas.gaps[0]
    rest = [model.pad] * (len(slots) - 3)
    assert seen[0][slots.start : slots.end] == [30, 31, model.end, *rest]


def test_only_the_best_draft_needs_a_judge_pass(model, monkeypatch):
    found = [model.layout.target([text]) for text in ("one", "two", "three")]
    drafted = tuple(
        CausalDraft(tokens, (-1.0,) * len(tokens), ended=True) for tokens in (found[1], found[2])
    )
    cut = CausalDraft(found[0][:-1], (-0.1,), ended=False)
    monkeypatch.setattr(model, "drafts", lambda *arguments: (cut, *drafted))
    asked: list[int] = []
    judge = model.judge
    monkeypatch.setattr(
        model,
        "judge",
        lambda prefix, targets: (asked.append(len(targets)), judge(prefix, targets))[1],
    )
    reply = fill(model, strategy=Strategy(passes=0, noise=0, copies=0))
    assert {each.texts[0] for each in reply.candidates} == {"one", "two", "three"}
    assert asked == [1]


def test_a_partial_rewrite_gets_no_draft_from_scratch(model):
    request = dataclasses.replace(REQUEST, gaps=(Gap(text="result += item", strength=0.3),))
    assert {candidate.proposal for candidate in fill(model, request).candidates} == {"noise"}


def test_each_step_reports_a_whole_draft(model):
    drafts: list[Draft] = []
    reply = fill(model, on_draft=drafts.append)
    assert [draft.step for draft in drafts] == [0, *range(1, reply.steps + 1)]
    slots = len(model.layout.build(REQUEST).gaps[0])
    for draft in drafts[1:]:
        assert len(draft.tokens) == len(draft.accepted) == slots
    assert drafts[0].texts in {candidate.texts for candidate in reply.candidates}


def test_old_text_too_long_for_the_canvas_is_refused(model):
    with pytest.raises(InputError, match="nothing was changed"):
        fill(model, dataclasses.replace(REQUEST, gaps=(Gap(text="x = 1\n" * 400),)))


def test_without_candidates_the_prompt_is_encoded_and_nothing_is_filled(model):
    warm_up = dataclasses.replace(REQUEST, parts=("x = 1\n" * 9, ""), limits=Limits(candidates=0))
    told: list[Draft] = []
    reply = fill(model, warm_up, on_draft=told.append)
    assert (reply.candidates, reply.steps, told) == ((), 0, [])
    assert reply.prompt_tokens > reply.cached_tokens
    # The next fill there finds the prompt in the cache.
    again = fill(model, dataclasses.replace(warm_up, limits=Limits()))
    assert again.cached_tokens > reply.cached_tokens


def test_a_candidate_has_its_token_count(model):
    for candidate in fill(model).candidates:
        assert candidate.tokens == len(model.codec.encode(candidate.texts[0]))


def test_each_of_several_gaps_is_copied_after_the_earlier_ones(model):
    parts = ("put(one, two)\nput(one, two)\nput(", ", ", ")\n")
    request = FillRequest(parts, (Gap(), Gap()), limits=Limits(candidates=9))
    found = fill(model, request, Strategy(passes=0, noise=0))
    assert ("one", "two") in {each.texts for each in found.candidates if each.proposal == "copied"}
