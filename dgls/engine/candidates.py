"""From proposals to a reply: texts clipped to their gaps, scored once each, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dgls.protocol import Fill, FillRequest, Gap

_BROKEN = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """The texts of all gaps as one way of filling gave them; `source` as in `Fill.proposal`.

    `log_probs` are those of each token of the causal stream, where they are known already.
    """

    texts: tuple[str, ...]
    source: str
    log_probs: tuple[float, ...] | None = None


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


def distinct(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Each text once; of equal ones the first, with a score if any of them has one."""
    found: dict[tuple[str, ...], Proposal] = {}
    for proposal in proposals:
        first = found.setdefault(proposal.texts, proposal)
        if first.log_probs is None:
            found[proposal.texts] = replace(first, log_probs=proposal.log_probs)
    return list(found.values())


def ranked(fills: Sequence[Fill], most: int) -> tuple[Fill, ...]:
    """The best `most` fills by score, best first; earlier proposals win ties.

    One that fills nothing comes last whatever its score: who asks expects something there, and
    where nothing belongs the others' confidence is low.
    """
    best_first = sorted(fills, key=lambda fill: (not any(fill.texts), -fill.score))
    return tuple(best_first[: max(1, most)])


def single_gap(request: FillRequest, index: int, texts: Sequence[str]) -> FillRequest:
    """The request for gap `index` alone, when `texts` stand in the gaps before it.

    What lies behind the gap is its suffix, with nothing in the gaps that are still open.
    """
    before = [part + text for part, text in zip(request.parts, texts[:index], strict=False)]
    prefix = "".join(before) + request.parts[index]
    suffix = "".join(request.parts[index + 1 :])
    return replace(request, parts=(prefix, suffix), gaps=(request.gaps[index],))
