"""Formats an explanation (`dgls.policy.why`) as lines for a person."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from dgls.policy.silence_reasons import Silence
from dgls.policy.why import Explanation, Explicit, Verdict
from dgls.protocol import Timings
from dgls.text.counting import counted

_SHOWN_CHARS = 72


def describe(explanation: Explanation, *, features: bool = False) -> str:
    """The whole explanation in lines; with `features`, also the inputs of the confidence."""
    return "\n".join(_lines(explanation, features=features))


def in_one_line(explanation: Explanation) -> str:
    """The outcome in one line: what is shown or why nothing is, while typing and on request."""
    explicit = explanation.explicit
    if explanation.asked_only or (explanation.shown is None and isinstance(explicit, tuple)):
        quiet = "" if explanation.asked_only else f"{_outcome(explanation)} "
        return quiet + (_when_explicit(explicit) if explicit is not None else "")
    return _outcome(explanation)


def _lines(explanation: Explanation, *, features: bool) -> Iterator[str]:
    if not explanation.asked_only:
        yield _outcome(explanation)
    if explanation.explicit is not None:
        yield _when_explicit(explanation.explicit)
    for number, verdict in enumerate(explanation.verdicts, 1):
        yield from _candidate(number, verdict)
        if features and verdict.fill.features:
            numbers = verdict.fill.features.items()
            yield "   " + ", ".join(f"{name} {value:.3g}" for name, value in numbers)
    yield f"model: {explanation.reply.model}, {_times(explanation.reply.timings)}"
    yield f"work: {_work(explanation)}"


def _outcome(explanation: Explanation) -> str:
    if explanation.silence is not None:
        remedy = explanation.silence.remedy
        return f"Quiet while typing: {explanation.silence.value}" + (
            f" ({remedy})." if remedy else "."
        )
    shown = explanation.shown
    if shown is not None:
        return f"Shown while typing: {_short(shown.told)}"
    refusals = [each.refused for each in explanation.verdicts if each.refused is not None]
    if not refusals:
        return "Quiet while typing: there is no candidate."
    sure = max(each.fill.confidence for each in explanation.verdicts)
    details = {
        Silence.UNSURE: f" ({sure:.0%}, shown from {explanation.threshold:.0%})",
        Silence.LATE: f" ({Silence.LATE.remedy})",
    }
    return f"Quiet while typing: {refusals[0].value}{details.get(refusals[0], '')}."


def _when_explicit(explicit: Explicit) -> str:
    if isinstance(explicit, Silence):
        return f"Quiet when asked: {explicit.value}."
    first, *others = explicit
    return f"Shown when asked: {_short(first)}" + (f", and {len(others)} more" if others else "")


def _candidate(number: int, verdict: Verdict) -> Iterator[str]:
    fill = verdict.fill
    tokens = f", {counted(fill.tokens, 'token', 'tokens')}" if fill.tokens else ""
    yield (
        f"{number}. {_short(fill.texts)}  [{fill.proposal}, {fill.confidence:.0%} sure, "
        f"log p {fill.score:.2f}{tokens}]"
    )
    if verdict.refused is not None:
        where = f"gap {verdict.gap}: " if len(fill.texts) > 1 else ""
        detail = f" ({where}{verdict.refusal.value})" if verdict.refusal else ""
        yield f"   not shown: {verdict.refused.value}{detail}"
    elif verdict.texts != fill.texts:
        why = "; ".join(change.value for change in verdict.changes)
        yield f"   changed to {_short(verdict.texts)}" + (f": {why}" if why else "")


def _times(timings: Timings) -> str:
    stages = {name.removesuffix("_ms"): ms for name, ms in dataclasses.asdict(timings).items()}
    total = stages.pop("total")
    parts = ", ".join(f"{name} {ms:.0f}" for name, ms in stages.items() if ms >= 0.5)
    return f"{total:.0f} ms" + (f" ({parts})" if parts else "")


def _work(explanation: Explanation) -> str:
    reply = explanation.reply
    said = [counted(reply.passes, "pass", "passes"), counted(reply.steps, "step", "steps")]
    if explanation.tokens_a_pass is not None:
        said.append(f"{explanation.tokens_a_pass:.1f} tokens a pass")
    said.append(f"{reply.cached_tokens} of {reply.prompt_tokens} prompt tokens cached")
    return ", ".join(said) + ("" if reply.complete else "; ended by its deadline")


def _short(text: str | Sequence[str]) -> str:
    """A text on one line, cut if it is long; for several gaps the text of each."""
    if not isinstance(text, str):
        return ", ".join(map(_short, text))
    line = text.replace("\n", "⏎").replace("\t", "⇥")
    return repr(line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 1] + "…")
