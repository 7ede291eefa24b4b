"""A causal model's fills, end to end, with a tiny model that has memorized one file."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from dgls.errors import Stopped
from dgls.fill.block import left_block_at
from dgls.fill.causal import CausalFiller
from dgls.fill.confidence import Confidence, confidence_of
from dgls.fill.evidence import Candidate, Place, features
from dgls.fill.running import CausalStrategy
from dgls.fill.stop import StopToken
from dgls.inference.causal_model import CausalModel
from dgls.inference.written import Written
from dgls.protocol import WRITTEN, Draft, FillReply, FillRequest, Gap, Limits, Trigger
from tests.support.marks import read_marks
from tests.support.qwen2 import LESSON, taught_network, tiny_causal


@pytest.fixture(scope="module")
def model() -> CausalModel:
    return tiny_causal(network=taught_network())


@pytest.fixture
def filler(model: CausalModel) -> CausalFiller:
    return CausalFiller(model, Confidence())


def request(marked: str, **fields) -> FillRequest:
    """A request for a marked text; marked spans are the gaps' texts."""
    text, spans = read_marks(marked)
    edges = [0, *(edge for span in spans for edge in (span.start, span.end)), len(text)]
    parts = tuple(text[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2))
    lines = fields.pop("lines", 1)
    gaps = tuple(Gap(span.of(text), max_lines=lines) for span in spans)
    return FillRequest(parts, gaps, path="lesson.py", **fields)


def without(*texts: str, of: str = LESSON) -> str:
    """The lesson with gaps instead of some texts."""
    for text in texts:
        assert of.count(text) == 1
        of = of.replace(text, "⟦⟧")
    return of


def fill(filler: CausalFiller, wanted: FillRequest, on_draft=None) -> FillReply:
    return filler.fill(wanted, StopToken(), on_draft)


@pytest.mark.parametrize(
    "gap",
    [
        "return width * height",
        "* height",
        "for item in items:",
        "result += item",
        "+= item",
        "result = 0",
    ],
)
def test_a_gap_is_filled_up_to_its_lines_end(filler: CausalFiller, gap: str) -> None:
    reply = fill(filler, request(without(gap)))
    assert reply.best.texts == (gap,)
    assert (reply.complete, reply.model) == (True, "tiny")
    assert reply.best.tokens > 0
    assert 0 < reply.steps <= reply.passes


@pytest.mark.parametrize("typed", ["r", "re", "retu", "return", "return w"])
def test_a_gap_within_a_word_is_filled(filler: CausalFiller, typed: str) -> None:
    line = "return width * height"
    reply = fill(filler, request(LESSON.replace(line, typed + "⟦⟧")))
    assert typed + reply.best.texts[0] == line


def test_what_follows_on_the_line_is_not_repeated(filler: CausalFiller) -> None:
    for tail in ("height", "* height"):
        gap = request(LESSON.replace("return width * height", f"return ⟦⟧{tail}"))
        for candidate in fill(filler, replace(gap, limits=Limits(candidates=4))).candidates:
            assert not candidate.texts[0].rstrip().endswith(tail)


def test_several_gaps_are_filled_in_order(filler: CausalFiller) -> None:
    texts = ("return width * height", "for item in items:")
    reply = fill(filler, request(without(*texts)))
    assert reply.best.texts == texts
    assert len(reply.candidates) == 1


def test_the_prompt_of_a_gap_has_the_texts_of_earlier_gaps(
    model: CausalModel, filler: CausalFiller, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = model.greedy

    def greedy(prompt, *rest):
        read.append(model.codec.decode(prompt.tokens) + prompt.rest.decode())
        return real(prompt, *rest)

    monkeypatch.setattr(model, "greedy", greedy)
    texts = fill(filler, request(without("return width * height", "result += item"))).best.texts
    assert len(read) == 2
    assert texts[0] not in read[0]
    assert f"    {texts[0]}\n\n\ndef total" in read[1]


def test_a_rewritten_selection_also_gets_the_old_texts_score(filler: CausalFiller) -> None:
    marked = LESSON.replace("return width * height", "⟦return width * 2⟧")
    reply = fill(filler, request(marked, limits=Limits(candidates=4)))
    assert reply.best.texts == ("return width * height",)
    assert reply.present is not None
    assert reply.present < reply.best.score


@pytest.mark.parametrize("lines", [1, 2, 3, 5])
def test_a_fill_keeps_to_its_line_limit(filler: CausalFiller, lines: int) -> None:
    for gap in ("return width * height", "result = 0"):
        reply = fill(filler, request(without(gap), lines=lines))
        assert all(text.count("\n") < lines for each in reply.candidates for text in each.texts)


def test_candidates_are_distinct_and_the_surest_first(filler: CausalFiller) -> None:
    wanted = request(without("result += item"), limits=Limits(candidates=4))
    reply = fill(filler, wanted)
    assert 1 < len(reply.candidates) <= 4
    assert len({each.texts[0].strip() for each in reply.candidates}) == len(reply.candidates)
    assert all(0 <= each.confidence <= 1 and math.isfinite(each.score) for each in reply.candidates)
    assert {each.proposal for each in reply.candidates} <= {"draft", "beam", "copied"}


def test_the_same_request_gets_the_same_answer(filler: CausalFiller, model: CausalModel) -> None:
    wanted = request(without("result += item"), limits=Limits(candidates=4))
    first, second = fill(filler, wanted), fill(filler, wanted)
    other = fill(CausalFiller(tiny_causal(network=model.network), Confidence()), wanted)
    assert [each.texts for each in first.candidates] == [each.texts for each in second.candidates]
    assert first.best.texts == other.best.texts
    assert second.cached_tokens == second.prompt_tokens - 1


def test_without_candidates_the_prompt_is_read_ahead(filler: CausalFiller) -> None:
    filler.model.forget_prompts()
    gap = request(without("result += item"))
    ahead = fill(filler, replace(gap, limits=Limits(candidates=0)))
    assert (ahead.candidates, ahead.steps) == ((), 0)
    after = fill(filler, gap)
    assert after.cached_tokens == ahead.prompt_tokens - 1


def test_drafts_are_reported_pass_by_pass(filler: CausalFiller) -> None:
    told: list[Draft] = []
    gap = request(without("return width * height"))
    reply = fill(filler, gap, told.append)
    assert len(told) == reply.steps
    assert [each.step for each in told] == list(range(1, len(told) + 1))
    assert {each.kind for each in told} == {WRITTEN}
    written = [
        token
        for each in told
        for token, accepted in zip(each.tokens, each.accepted, strict=True)
        if accepted
    ]
    rest = filler.model.layout.prompt(gap).rest.decode()
    assert "".join(written) == rest + told[-1].texts[0]
    assert told[-1].texts == reply.best.texts
    for each in told:
        assert sorted(each.accepted, reverse=True) == list(each.accepted), "refused ones come last"


def test_drafts_of_several_gaps_include_the_earlier_texts(filler: CausalFiller) -> None:
    told: list[Draft] = []
    reply = fill(filler, request(without("return width * height", "result += item")), told.append)
    assert all(len(each.texts) == 2 for each in told)
    assert told[0].texts[1] == ""
    assert told[-1].texts == reply.best.texts


def test_out_of_time_the_best_so_far_is_given(filler: CausalFiller) -> None:
    filler.model.forget_prompts()
    gap = request(without("return width * height"), limits=Limits(deadline_ms=0.001))
    reply = fill(filler, gap)
    assert not reply.complete
    assert len(reply.candidates) == 1
    assert "return width * height".startswith(reply.best.texts[0])


@pytest.mark.parametrize("after", [0, 1, 2])
def test_after_a_stop_the_next_fill_is_complete(filler: CausalFiller, after: int) -> None:
    stop, told = StopToken(), []

    def stop_later(draft: Draft) -> None:
        told.append(draft)
        if len(told) == after:
            stop.stop("superseded")

    if not after:
        stop.stop("superseded")
    gap = request(without("return width * height"))
    with pytest.raises(Stopped):
        filler.fill(gap, stop, stop_later)
    assert len(told) == after
    assert fill(filler, gap).best.texts == ("return width * height",)


def test_typing_the_drafted_text_costs_one_pass(filler: CausalFiller) -> None:
    line = "return width * height"
    first = request(without(line), client="editor", trigger=Trigger.EXPLICIT)
    before = fill(filler, first)
    typed = replace(first, parts=(first.parts[0] + "return ", first.parts[1]))
    after = fill(filler, typed)
    assert after.best.texts == ("width * height",)
    assert after.steps < before.steps


def test_an_automatic_fill_skips_the_search_if_the_text_is_sure(model: CausalModel) -> None:
    sure = CausalStrategy(enough=0.01, hopeless=0.0)
    gap = request(without("result += item"), trigger=Trigger.AUTOMATIC)
    quick = fill(CausalFiller(model, Confidence(), sure), gap)
    thorough = fill(CausalFiller(model, Confidence(), CausalStrategy(enough=1.01)), gap)
    assert quick.best.texts == thorough.best.texts
    assert quick.passes < thorough.passes


def test_an_automatic_fill_stops_once_the_text_is_too_unlikely(model: CausalModel) -> None:
    never = CausalStrategy(unlikely=1.0, enough=0.01, hopeless=0.0)
    gap = request(without("return width * height"))
    typed = fill(CausalFiller(model, Confidence(), never), replace(gap, trigger=Trigger.AUTOMATIC))
    asked = fill(CausalFiller(model, Confidence(), never), gap)
    assert (typed.steps, asked.best.texts) == (1, ("return width * height",))
    assert typed.best.confidence < 0.01


def test_an_automatic_fill_never_runs_a_beam_search(model: CausalModel) -> None:
    unsure = CausalStrategy(enough=1.01, hopeless=-1.0, certain=1.01, beam_margin=100.0)
    gap = request(without("result += item"), limits=Limits(candidates=4))
    filler = CausalFiller(model, Confidence(), unsure)
    typed = fill(filler, replace(gap, trigger=Trigger.AUTOMATIC))
    assert {each.proposal for each in typed.candidates} <= {"draft", "copied"}
    assert "beam" in {each.proposal for each in fill(filler, gap).candidates}


def test_out_of_memory_is_reported_and_the_prompts_are_freed(
    filler: CausalFiller, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dgls.errors import ModelMemoryError

    def fail(*_: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate")

    gap = request(without("result += item"))
    fill(filler, gap)
    with monkeypatch.context() as patch:
        patch.setattr(filler.model.network, "logits", fail)
        with pytest.raises(ModelMemoryError):
            fill(filler, gap)
    assert fill(filler, gap).best.texts == ("result += item",)


# The text so far, what is before the gap on its line, what follows, and where it ends.
BLOCKS: dict[str, tuple[str, str, str, str | None]] = {
    "python body continues": ("return a\n", "    ", "\n", None),
    "python body ends at the next function": (
        "return a\n\n\ndef g():\n",
        "    ",
        "\n",
        "return a\n\n",
    ),
    "python header and its body": (
        "(a):\n    return a\nx = 1\n",
        "def f",
        "\n",
        "(a):\n    return a",
    ),
    "the last line is incomplete": ("return a\ndef", "    ", "\n", "return a"),
    "the last line has no word yet": ("return a\n", "    ", "\n", None),
    "the last line may become the next line of the file": (
        "a = 1\n    b = 2",
        "    ",
        "\n    b = 20\n",
        None,
    ),
    "the following text is not repeated": (
        "a = 1\n    b = 2\n    return a\n",
        "    ",
        "\n    return a\n",
        "a = 1\n    b = 2",
    ),
    "rust braces": ("let a = 1;\n    a\n}\nfn g() {\n", "    ", "\n}\n", "let a = 1;\n    a"),
    "go tabs": ("return a\n}\n", "\t", "\n}\n", "return a"),
    "javascript arrow": (
        "{\n  return 1;\n}\nlet b;\n",
        "const f = () => ",
        "\n",
        "{\n  return 1;",
    ),
    "a blank line belongs to the block": ("a = 1\n\n    b = 2\n", "    ", "\n", None),
    "ruby ends": ("x + 1\nend\n", "  ", "\nend\n", "x + 1"),
}


@pytest.mark.parametrize("block", BLOCKS)
def test_text_is_cut_where_its_block_ends(block: str) -> None:
    text, head, suffix, expected = BLOCKS[block]
    end = left_block_at(text, head, suffix)
    assert (None if end is None else text[:end]) == expected


def written(total: float, count: int = 3, end: float = -0.1) -> Written:
    each = (total - end) / count
    return Written((1,) * count, (each,) * count, (1.0,) * count, end, None, 0, 1)


@pytest.mark.parametrize("total", [0.0, -1.0, -1e9, -math.inf])
def test_evidence_is_finite_and_higher_for_likelier_text(total: float) -> None:
    place = Place("def f(a):\n    return ", "\n\nf(1)\n", 1)
    likely, other = (
        Candidate(t, w, "draft") for t, w in (("a", written(-0.5)), ("b", written(total)))
    )
    for each in (likely, other):
        found = features(each, place, [likely, other], "a")
        assert all(math.isfinite(value) for value in found.values())
        assert found["greedy"] == (each.text == "a")
        assert 0 <= confidence_of("tiny").searched.of(found) <= 1


@pytest.mark.parametrize("which", ["alone", "searched"])
def test_confidence_grows_with_the_likelihood(which: str) -> None:
    place = Place("def f(a):\n    return ", "\n", 1)
    fitted = getattr(confidence_of("qwen2.5-coder-0.5b-instruct"), which)
    sure = []
    for total in (-12.0, -6.0, -3.0, -1.0, -0.2):
        candidate = Candidate("a", written(total), "draft")
        sure.append(fitted.of(features(candidate, place, [candidate], "a")))
    assert sure == sorted(sure)
    assert sure[-1] > sure[0]
