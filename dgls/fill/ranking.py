"""From proposals to a reply: texts clipped to their gaps, scored once each, best first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dgls.canvas.copies import Copy
from dgls.checkpoint.confidence import Evidence
from dgls.protocol import Fill, FillRequest, Gap
from dgls.sound.alike import alike

COPIED = "copied"
_BROKEN = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """The texts of all gaps as one way of filling gave them; `source` as in `Fill.proposal`.

    `log_probs` are those of each token of the causal stream, where they are known already. `copy`
    says of a text that the document holds how like its place is to the gap.
    """

    texts: tuple[str, ...]
    source: str
    log_probs: tuple[float, ...] | None = None
    copy: Copy | None = None

    @property
    def score(self) -> float:
        """The summed log-probability in nats; 0 before it is known."""
        return sum(self.log_probs or ())

    def evidence(self) -> Evidence:
        """What the confidence is made of."""
        tokens = len(self.log_probs or ())
        return Evidence(self.score, tokens, self.source != COPIED, self.copy)


def clipped(text: str, gap: Gap, known: str) -> str:
    """`text` within the gap's lines, cut before the first character that is only half there.

    `known` is text that the document holds, in which a replacement character is no sign of that.
    """
    broken = text.find(_BROKEN)
    if broken >= 0 and _BROKEN not in known:
        text = text[:broken]
    lines = text.split("\n")
    if len(lines) <= gap.max_lines:
        return text
    return "\n".join(lines[: gap.max_lines]).removesuffix("\r")


def merged(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Each text once; of equal ones the first, with what any of them knows besides."""
    found: dict[tuple[str, ...], Proposal] = {}
    for proposal in proposals:
        first = found.setdefault(proposal.texts, proposal)
        found[proposal.texts] = replace(
            first,
            log_probs=proposal.log_probs if first.log_probs is None else first.log_probs,
            copy=first.copy or proposal.copy,
        )
    return list(found.values())


def ranked(
    fills: Sequence[Fill],
    most: int,
    *,
    by_confidence: bool,
    is_sound: Callable[[tuple[str, ...]], bool] = any,
) -> tuple[Fill, ...]:
    """The best `most` fills, best first; earlier proposals win ties.

    Of fills that differ in white space only there is one. Those that are not sound come after those
    that are. Where the confidence was fitted it knows more than the score, which is its largest
    part.

    Empty fills rank last whatever their score: a user who asked expects text, and where none
    belongs the others' confidence is low.
    """

    def merit(fill: Fill) -> float:
        return fill.confidence if by_confidence else fill.score

    best_first = sorted(fills, key=lambda fill: (not any(fill.texts), -merit(fill)))
    sound: dict[tuple[str, ...], Fill] = {}
    others: dict[tuple[str, ...], Fill] = {}
    for fill in best_first:
        if len(sound) == max(1, most):
            break
        kept = sound if is_sound(fill.texts) else others
        kept.setdefault(tuple(map(alike, fill.texts)), fill)
    rest = [fill for key, fill in others.items() if key not in sound]
    return (*sound.values(), *rest)[: max(1, most)]


def single_gap(request: FillRequest, index: int, texts: Sequence[str]) -> FillRequest:
    """The request for gap `index` alone, when `texts` are in the gaps before it.

    What lies after the gap is its suffix, with nothing in the gaps that are still open.
    """
    before = [part + text for part, text in zip(request.parts, texts[:index], strict=False)]
    prefix = "".join(before) + request.parts[index]
    suffix = "".join(request.parts[index + 1 :])
    above, below = request.around
    around = (
        above and above + prefix.removeprefix(request.parts[0]),
        below and suffix.removesuffix(request.parts[-1]) + below,
    )
    return replace(request, parts=(prefix, suffix), gaps=(request.gaps[index],), around=around)
