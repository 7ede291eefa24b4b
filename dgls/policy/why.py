"""Why a fill is shown or not: each candidate, its changes, and the cost of the reply."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dgls.policy.show import REFUSED, shown_text, shown_when_explicit
from dgls.policy.silence_reasons import Silence
from dgls.protocol import Fill, FillReply, FillRequest, Trigger
from dgls.sound.clean import sound
from dgls.sound.cleaned import Change, Cleaned, Refusal
from dgls.sound.gap_edit import Work, plain_work
from dgls.sound.gaps import judged
from dgls.sound.site import Purpose, Site, Wanted
from dgls.syntax.language import Language
from dgls.syntax.source import Source
from dgls.text.spans import Span


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one candidate: `texts`, one for each gap, are shown, or a rule `refused` it.

    `changes` made it sound, or `refusal` tells why nothing sound is left of it, in gap number
    `gap`, from 1.
    """

    fill: Fill
    texts: tuple[str, ...]
    refused: Silence | None = None
    changes: tuple[Change, ...] = ()
    refusal: Refusal | None = None
    gap: int = 1

    @property
    def told(self) -> str | tuple[str, ...]:
        """Its text, or all texts if there are several gaps."""
        return self.texts[0] if len(self.texts) == 1 else self.texts


Explicit = tuple[str | tuple[str, ...], ...] | Silence
"""The texts shown on an explicit request, best first, or the reason for none.

With several gaps each is a tuple of texts.
"""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reply, and what would be shown of it.

    `silence` tells why the model would not even be asked at this place; None if it would.
    `threshold` is the confidence (0..1) from which a fill is shown while typing. `explicit` are the
    texts for an explicit request, best first, or the reason for none; None if that was not tried.
    Holes, selections and several gaps are filled on request only: `asked_only`.
    """

    request: FillRequest
    reply: FillReply
    threshold: float
    verdicts: tuple[Verdict, ...]
    silence: Silence | None = None
    explicit: Explicit | None = None
    asked_only: bool = False

    @property
    def shown(self) -> Verdict | None:
        """What would be shown while typing; None for silence."""
        if self.silence is not None or self.asked_only:
            return None
        return next((each for each in self.verdicts if each.refused is None), None)

    @property
    def tokens_a_pass(self) -> float | None:
        """The tokens written per forward pass; None if they were not counted."""
        reply = self.reply
        if reply.written and reply.steps:
            return reply.written / reply.steps
        tokens = reply.candidates[0].tokens if reply.candidates else 0
        return tokens / reply.passes if tokens and reply.passes else None

    def when_asked(self, explicit: Iterable[str] | Silence) -> Explanation:
        """The same with the texts for an explicit request, best first, or the reason for none."""
        texts = explicit if isinstance(explicit, Silence) else tuple(explicit)
        return dataclasses.replace(self, explicit=texts)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON, without the text around the gap."""
        request = self.request
        return {
            "path": request.path,
            "language": request.language,
            "trigger": request.trigger.value,
            "lines": request.gaps[0].max_lines,
            "gaps": len(request.gaps),
            "model": self.reply.model,
            "complete": self.reply.complete,
            "threshold": self.threshold,
            "silence": _silence_json(self.silence),
            "shown": self.shown.told if self.shown else None,
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
) -> Explanation:
    """What would be shown of a reply for one gap; a `threshold` of 0 means the model's own."""
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
            return Verdict(fill, (found.text,), text, found.changes, found.refusal)
        return Verdict(fill, (text,), None, found.changes)

    verdicts = tuple(map(verdict, reply.candidates))
    return Explanation(request, reply, least, verdicts, silence)


def explained_when_asked(
    request: FillRequest, reply: FillReply, judge: Callable[[Fill], Sequence[Cleaned]]
) -> Explanation:
    """What was shown of a reply for gaps that are filled on request only.

    `judge` gives the part of a candidate that may be put into each gap (`dgls.sound.gaps.judged`).
    """

    def verdict(fill: Fill) -> Verdict:
        found = judge(fill)
        changes = tuple(dict.fromkeys(change for each in found for change in each.changes))
        refusal = found[-1].refusal
        texts = tuple(each.text for each in found)
        if refusal is None:
            return Verdict(fill, texts, None, changes)
        why = REFUSED.get(refusal, Silence.EMPTY)
        return Verdict(fill, texts, why, changes, refusal, len(found))

    verdicts = tuple(map(verdict, reply.candidates))
    shown = dict.fromkeys(each.told for each in verdicts if each.refused is None)
    refused = next((each.refused for each in verdicts if each.refused is not None), Silence.EMPTY)
    explicit = tuple(shown) or refused
    return Explanation(request, reply, 0.0, verdicts, None, explicit, asked_only=True)


def explained_last(
    request: FillRequest, reply: FillReply, language: Language, threshold: float
) -> Explanation:
    """What was shown of an earlier reply, however it was requested."""
    if len(request.gaps) > 1:
        works = _works_of(request, language)
        present = reply.present
        return explained_when_asked(
            request, reply, lambda fill: judged(works, fill.texts, fill.score, present)
        )
    found = explained(site_of(request, language), request, reply, threshold=threshold)
    if request.trigger is not Trigger.EXPLICIT:
        return found
    site = site_of(request, language, Purpose.EXPLICIT)
    return found.when_asked(shown_when_explicit(site, reply.candidates))


def site_of(request: FillRequest, language: Language, purpose: Purpose = Purpose.AUTOMATIC) -> Site:
    """The gap of a request, in as much of the document as the request holds."""
    wanted = Wanted(purpose, request.gaps[0].max_lines)
    before, after = request.around
    return Site.between(before or request.parts[0], after or request.parts[-1], language, wanted)


def _works_of(request: FillRequest, language: Language) -> tuple[Work, ...]:
    """The gaps of a request, in as much of the document as the request holds."""
    above, below = (wide or near for wide, near in zip(request.around, _ends(request), strict=True))
    texts, spans = [above], []
    for gap, after in zip(request.gaps, (*request.parts[1:-1], below), strict=True):
        start = sum(map(len, texts))
        spans.append(Span(start, start + len(gap.text)))
        texts += [gap.text, after]
    source = Source.parse("".join(texts), language)
    return tuple(
        plain_work(source, span, gap.max_lines, gap.strength)
        for span, gap in zip(spans, request.gaps, strict=True)
    )


def _ends(request: FillRequest) -> tuple[str, str]:
    return request.parts[0], request.parts[-1]


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    fields = dataclasses.asdict(verdict.fill)
    shown = verdict.told if verdict.refused is None else None
    changes = [{"rule": each.name.lower(), "message": each.value} for each in verdict.changes]
    return {
        **fields,
        "shown": shown,
        "changes": changes,
        "refusal": verdict.refusal.value if verdict.refusal else None,
        "refused": _silence_json(verdict.refused),
    }


def _explicit_json(explicit: Explicit | None) -> dict[str, Any] | None:
    if explicit is None:
        return None
    if isinstance(explicit, Silence):
        return {"shown": [], "silence": _silence_json(explicit)}
    return {"shown": list(explicit), "silence": None}


def _silence_json(silence: Silence | None) -> dict[str, str] | None:
    if silence is None:
        return None
    return {"rule": silence.name.lower(), "message": silence.value, "remedy": silence.remedy}
