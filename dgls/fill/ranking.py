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
    """The texts of all gaps that one method proposed; `source` is as in `Fill.proposal`.

    `log_probs` are those of each token, in nats, once they are known. `copy` tells, for a text from
    the document, how similar its place is to the gap.
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
        """The features that the confidence weighs."""
        tokens = len(self.log_probs or ())
        return Evidence(self.score, tokens, self.source != COPIED, self.copy)


def clipped(text: str, gap: Gap, known: str) -> str:
    """`text` within the gap's lines, cut before an incomplete character.

    `known` is text of the document; a replacement character in it is real and causes no cut.
    """
    broken = text.find(_BROKEN)
    if broken >= 0 and _BROKEN not in known:
        text = text[:broken]
    lines = text.split("\n")
    if len(lines) <= gap.max_lines:
        return text
    return "\n".join(lines[: gap.max_lines]).removesuffix("\r")


def merged(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Each distinct text once: the first, with all that is known of any equal one."""
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

    Fills that differ only in white space count as one. Sound fills come before unsound ones. A
    fitted confidence decides before the score, because the score is its main part.

    Empty fills rank last whatever their score. A user who asked expects text, and where none
    belongs, the others' confidence is low.
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
    """The request for gap `index` alone, with `texts` in the gaps before it.

    Its suffix is the text after the gap, with later gaps left empty.
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
