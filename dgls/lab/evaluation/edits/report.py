"""What was measured, as text."""

from __future__ import annotations

from collections.abc import Sequence

from dgls.lab.evaluation.edits.pairs import Tally
from dgls.lab.evaluation.edits.sessions import Verdict


def of_sessions(name: str, verdicts: Sequence[Verdict]) -> str:
    """One line of shares, then each offer that was wrong and each place that was missed."""
    due, offered = sum(v.due for v in verdicts), sum(v.offered for v in verdicts)
    silences, wrong = sum(v.silences for v in verdicts), sum(len(v.wrong) for v in verdicts)
    quiet = 1 - wrong / max(1, silences)
    head = (
        f"{name}: {offered} of {due} right offers ({offered / max(1, due):.1%}), "
        f"{wrong} wrong beside {silences} places of silence ({quiet:.1%})"
    )
    faults = [
        f"  {v.session.language}, {v.session.name}: {v.offered} of {v.due}; wrong {list(v.wrong)}"
        for v in verdicts
        if v.wrong or v.offered < v.due
    ]
    return "\n".join([head, *faults])


def of_pairs(name: str, tally: Tally) -> str:
    """The shares of all offers and of each rule."""
    lines = [
        f"{name}: {tally.offers.total()} offers, {tally.found} of {tally.hunks} hunks found "
        f"({tally.found / max(1, tally.hunks):.1%}), quiet in {tally.silent} of {tally.states} "
        f"states without a truth to write ({tally.silent / max(1, tally.states):.1%}), "
        f"{tally.lines_deleted} lines deleted",
        "| rule | offers | exact | another text | wrong place |",
        "|---|---|---|---|---|",
    ]
    for rule in ["", *sorted({rule for rule, _ in tally.offers})]:
        count = sum(n for (own, _), n in tally.offers.items() if rule in {"", own})
        kinds = " | ".join(f"{tally.share(kind, rule):.2f}" for kind in ("exact", "text", "wrong"))
        lines.append(f"| {rule or 'all'} | {count} | {kinds} |")
    return "\n".join(lines)
