"""The report of `dgls why` on a reply."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dgls.policy.describe import describe
from dgls.policy.silence_reasons import Silence
from dgls.policy.why import Explanation, explained, explained_last, site_of
from dgls.protocol import Fill, FillReply, FillRequest, Gap, Timings, Trigger
from dgls.sound.cleaned import Change, Refusal
from dgls.syntax.languages.python import PYTHON

PREFIX, SUFFIX = "def area(r):\n    return ", "\n"


def told(
    *fills: Fill,
    silence: Silence | None = None,
    lines: int = 1,
    threshold: float = 0.0,
    complete: bool = True,
) -> Explanation:
    """The explanation of a reply with these candidates."""
    request = FillRequest((PREFIX, SUFFIX), (Gap(max_lines=lines),), trigger=Trigger.AUTOMATIC)
    timings = Timings(encode_ms=20, draft_ms=60, total_ms=81)
    reply = FillReply(
        fills,
        "small",
        complete,
        steps=3,
        passes=5,
        prompt_tokens=30,
        cached_tokens=20,
        timings=timings,
        threshold=0.5,
    )
    site = site_of(request, PYTHON)
    return explained(site, request, reply, silence=silence, threshold=threshold)


def fill(text: str, confidence: float = 0.9) -> Fill:
    return Fill((text,), -1.5, confidence, "draft", 10)


@pytest.mark.parametrize(
    ("text", "confidence", "refused"),
    [
        ("3 * r * r", 0.9, None),
        ("3 * r * r", 0.4, Silence.UNSURE),
        ("  ", 0.9, Silence.EMPTY),
        ("3 * (r", 0.9, Silence.BROKEN),
    ],
)
def test_each_candidate_names_the_rule_that_refused_it(
    text: str, confidence: float, refused: Silence | None
) -> None:
    (verdict,) = told(fill(text, confidence)).verdicts
    assert verdict.refused is refused


def test_low_confidence_after_the_deadline_names_the_deadline() -> None:
    found = told(fill("3 * r * r", 0.4), complete=False)
    assert found.verdicts[0].refused is Silence.LATE
    assert "fill.automatic_deadline_ms" in describe(found)


def test_changes_that_made_the_answer_sound_are_listed() -> None:
    found = told(fill("3 * r * r\nprint(1"), lines=2)
    assert Change.RAN_ON in found.verdicts[0].changes
    assert "changed to '3 * r * r': it continued past the end of the block" in describe(found)


def test_the_reason_that_nothing_sound_is_left_is_given() -> None:
    found = told(fill("3 + +) ("))
    assert found.verdicts[0].refusal is Refusal.BROKEN
    assert "(it breaks the syntax)" in describe(found)


def test_the_first_candidate_not_refused_is_shown() -> None:
    found = told(fill("  "), fill("r"), fill("rr"))
    assert found.shown is found.verdicts[1]
    assert describe(found).startswith("Shown while typing: 'r'")


def test_a_reason_not_to_ask_comes_first_and_says_what_ends_it() -> None:
    found = told(fill("r"), silence=Silence.SNOOZED)
    assert found.shown is None
    assert describe(found).startswith(
        "Quiet while typing: suggestions are paused (dgls.resume ends the pause)."
    )


@pytest.mark.parametrize(("threshold", "shown"), [(0.0, "50%"), (0.8, "80%")])
def test_low_confidence_gives_its_value_and_the_threshold(threshold: float, shown: str) -> None:
    found = describe(told(fill("r", 0.4), threshold=threshold))
    assert found.startswith(
        f"Quiet while typing: the model is not sure enough (40%, shown from {shown})."
    )


def test_times_passes_and_cache_use_are_reported() -> None:
    found = told(fill("r"))
    assert found.tokens_a_pass == 2.0
    assert describe(found).endswith(
        "model: small, 81 ms (encode 20, draft 60)\n"
        "work: 5 passes, 3 steps, 2.0 tokens a pass, 20 of 30 prompt tokens cached"
    )


def test_json_holds_everything_except_the_code_around_the_gap() -> None:
    found = told(fill("  ")).to_json()
    (candidate,) = found["candidates"]
    assert candidate["refused"]["rule"] == "empty"
    assert candidate["proposal"] == "draft"
    assert found["timings"]["total_ms"] == 81
    assert PREFIX not in str(found)


def test_features_are_listed_on_request() -> None:
    found = told(replace(fill("r"), features={"suffix": 0.25, "prefix": -1.5}))
    assert "   suffix 0.25, prefix -1.5\n" in describe(found, features=True)
    assert "suffix" not in describe(found)


def test_the_last_fill_is_judged_in_the_whole_document_sent_with_it() -> None:
    whole = f'"""Shapes.\n\nRound ones.\n"""\n\n{PREFIX}'
    # The text that the model reads begins inside the docstring.
    request = FillRequest((whole[20:], SUFFIX), (Gap(),), around=(whole, SUFFIX))
    reply = FillReply((fill("3 * r * r"),), "small", threshold=0.5)
    found = explained_last(request, reply, PYTHON, 0.0)
    assert found.explicit == ("3 * r * r",)
    assert found.verdicts[0].refused is None


def two(*pairs: tuple[str, str]) -> Explanation:
    """The explanation of a reply with these candidates for `a = ⟦⟧` and `b = ⟦⟧`."""
    request = FillRequest(("a = ", "\nb = ", "\n"), (Gap(), Gap()))
    fills = tuple(Fill(pair, -1.0, 0.5, "draft") for pair in pairs)
    return explained_last(request, FillReply(fills, "small"), PYTHON, 0.0)


def test_several_gaps_are_explained_together() -> None:
    found = two(("1", ") = ("), ("3", "4"), ("5", "6"))
    assert found.explicit == (("3", "4"), ("5", "6"))
    assert describe(found).startswith(
        "Shown when asked: '3', '4', and 1 more\n1. '1', ') = ('  [draft, 50% sure, log p -1.00]\n"
    )
    assert "(gap 2: it is empty)" in describe(found)


def test_several_gaps_are_lists_in_json() -> None:
    found = two(("1", ") = ("), ("3", "4")).to_json()
    assert (found["gaps"], found["shown"]) == (2, None)
    assert found["when_asked"] == {"shown": [("3", "4")], "silence": None}
    assert [each["shown"] for each in found["candidates"]] == [None, ("3", "4")]


def test_several_gaps_without_a_sound_fill_say_why() -> None:
    found = two(("1", ") = ("))
    assert found.explicit is Silence.EMPTY
    assert describe(found).startswith(f"Quiet when asked: {Silence.EMPTY.value}.")
