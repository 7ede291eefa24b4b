"""Why a fill is shown or not: each candidate, what was made of it, and what the reply cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dgls.policy.show import shown_text, shown_when_explicit
from dgls.policy.silence import Silence
from dgls.protocol import Fill, FillReply, FillRequest, Timings, Trigger
from dgls.sound.clean import sound
from dgls.sound.cleaned import Change, Refusal
from dgls.sound.site import Purpose, Site, Wanted
from dgls.syntax.language import Language
from dgls.text.counting import counted

_SHOWN_CHARS = 72


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one candidate while typing: `text` is shown, or it is `refused` by a rule.

    `changes` is what was done to make it sound, and `refusal` why nothing sound is left of it.
    """

    fill: Fill
    text: str
    refused: Silence | None = None
    changes: tuple[Change, ...] = ()
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reply and what would be made of it while typing.

    `silence` is why the model would not even be asked at this place; None where it would.
    `threshold` is the confidence (0..1) from which a fill is shown while typing. `explicit` are
    the texts for a user who presses the key, best first, or why there is none; None where that
    was not tried.
    """

    request: FillRequest
    reply: FillReply
    threshold: float
    verdicts: tuple[Verdict, ...]
    silence: Silence | None = None
    explicit: tuple[str, ...] | Silence | None = None

    @property
    def shown(self) -> Verdict | None:
        """What would be shown, None for silence."""
        if self.silence is not None:
            return None
        return next((each for each in self.verdicts if each.refused is None), None)

    @property
    def tokens_a_pass(self) -> float | None:
        """How many tokens each forward pass brought; None where nobody counts."""
        reply = self.reply
        if reply.written and reply.steps:
            return reply.written / reply.steps
        tokens = reply.candidates[0].tokens if reply.candidates else 0
        return tokens / reply.passes if tokens and reply.passes else None

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON, but for the text around the gap."""
        request = self.request
        return {
            "path": request.path,
            "language": request.language,
            "trigger": request.trigger.value,
            "lines": request.gaps[0].max_lines,
            "model": self.reply.model,
            "complete": self.reply.complete,
            "threshold": self.threshold,
            "silence": _told(self.silence),
            "shown": self.shown.text if self.shown else None,
            "when_asked": _explicit_json(self.explicit),
            "candidates": [_verdict_json(verdict) for verdict in self.verdicts],
            "timings": dataclasses.asdict(self.reply.timings),
            "steps": self.reply.steps,
            "written": self.reply.written,
            "passes": self.reply.passes,
            "tokens_a_pass": self.tokens_a_pass,
            "prompt_tokens": self.reply.prompt_tokens,
            "cached_tokens": self.reply.cached_tokens,
        }


def explained(
    site: Site,
    request: FillRequest,
    reply: FillReply,
    *,
    threshold: float = 0.0,
    silence: Silence | None = None,
    explicit: Iterable[str] | Silence | None = None,
) -> Explanation:
    """What would be made of a reply for one gap; a `threshold` of 0 is the model's own."""
    least = threshold or reply.threshold

    def verdict(fill: Fill) -> Verdict:
        found = sound(site, fill.texts[0])
        text = shown_text(
            fill.texts[0],
            site,
            confidence=fill.confidence,
            threshold=least,
            complete=reply.complete,
        )
        if isinstance(text, Silence):
            return Verdict(fill, found.text, text, found.changes, found.refusal)
        return Verdict(fill, text, None, found.changes)

    judged = tuple(map(verdict, reply.candidates)) if len(request.gaps) == 1 else ()
    texts = explicit if explicit is None or isinstance(explicit, Silence) else tuple(explicit)
    return Explanation(request, reply, least, judged, silence, texts)


def explained_last(
    request: FillRequest, reply: FillReply, language: Language, threshold: float
) -> Explanation:
    """What was made of a reply that is known already, whichever way it was asked for."""
    site = site_of(request, language)
    explicit: Iterable[str] | Silence | None = None
    if request.trigger is Trigger.EXPLICIT and len(request.gaps) == 1:
        explicit = shown_when_explicit(
            site_of(request, language, Purpose.EXPLICIT), reply.candidates
        )
    return explained(site, request, reply, threshold=threshold, explicit=explicit)


def site_of(request: FillRequest, language: Language, purpose: Purpose = Purpose.AUTOMATIC) -> Site:
    """The gap of a request, in as much of the document as the request holds."""
    wanted = Wanted(purpose, request.gaps[0].max_lines)
    before, after = request.around
    return Site.between(before or request.parts[0], after or request.parts[-1], language, wanted)


def describe(explanation: Explanation, *, features: bool = False) -> str:
    """All of it in lines for a person; the numbers that make the confidence where `features`."""
    return "\n".join(_lines(explanation, features=features))


def _lines(explanation: Explanation, *, features: bool) -> Iterator[str]:
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
        return f"Shown while typing: {_short(shown.text)}"
    refusals = [each.refused for each in explanation.verdicts if each.refused is not None]
    if not refusals:
        return "Quiet while typing: there is no candidate."
    sure = max(each.fill.confidence for each in explanation.verdicts)
    details = {
        Silence.UNSURE: f" ({sure:.0%}, shown from {explanation.threshold:.0%})",
        Silence.LATE: f" ({Silence.LATE.remedy})",
    }
    return f"Quiet while typing: {refusals[0].value}{details.get(refusals[0], '')}."


def _when_explicit(explicit: tuple[str, ...] | Silence) -> str:
    if isinstance(explicit, Silence):
        return f"Quiet when asked: {explicit.value}."
    first, *others = explicit
    return f"Shown when asked: {_short(first)}" + (f", and {len(others)} more" if others else "")


def _candidate(number: int, verdict: Verdict) -> Iterator[str]:
    fill = verdict.fill
    tokens = f", {counted(fill.tokens, 'token', 'tokens')}" if fill.tokens else ""
    yield (
        f"{number}. {_short(fill.texts[0])}  [{fill.proposal}, {fill.confidence:.0%} sure, "
        f"log p {fill.score:.2f}{tokens}]"
    )
    if verdict.refused is not None:
        detail = f" ({verdict.refusal.value})" if verdict.refusal else ""
        yield f"   not shown: {verdict.refused.value}{detail}"
    elif verdict.text != fill.texts[0]:
        why = "; ".join(change.value for change in verdict.changes)
        yield f"   changed to {_short(verdict.text)}" + (f": {why}" if why else "")


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


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    fields = dataclasses.asdict(verdict.fill)
    shown = verdict.text if verdict.refused is None else None
    changes = [{"rule": each.name.lower(), "message": each.value} for each in verdict.changes]
    return {
        **fields,
        "shown": shown,
        "changes": changes,
        "refusal": verdict.refusal.value if verdict.refusal else None,
        "refused": _told(verdict.refused),
    }


def _explicit_json(explicit: tuple[str, ...] | Silence | None) -> dict[str, Any] | None:
    if explicit is None:
        return None
    if isinstance(explicit, Silence):
        return {"shown": [], "silence": _told(explicit)}
    return {"shown": list(explicit), "silence": None}


def _told(silence: Silence | None) -> dict[str, str] | None:
    if silence is None:
        return None
    return {"rule": silence.name.lower(), "message": silence.value, "remedy": silence.remedy}


def _short(text: str) -> str:
    line = text.replace("\n", "⏎").replace("\t", "⇥")
    return repr(line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 1] + "…")
