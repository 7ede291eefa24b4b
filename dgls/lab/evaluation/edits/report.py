"""The measured results, as text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dgls.lab.evaluation.edits.pairs import Tally
from dgls.lab.evaluation.edits.sessions import Verdict


def to_text(
    name: str, verdicts: Sequence[Verdict] | None, packages: Mapping[str, Tally], *, verbose: bool
) -> str:
    """The results of a system on sessions and packages; on each package if `verbose`."""
    parts = [of_sessions(name, verdicts)] if verdicts is not None else []
    if verbose:
        parts += [of_pairs(f"{name}, {package}", own) for package, own in packages.items()]
    if packages:
        parts.append(of_pairs(f"{name}, {', '.join(packages)}", _total(packages)))
    return "\n".join(parts)


def to_json(
    name: str, verdicts: Sequence[Verdict] | None, packages: Mapping[str, Tally], *, verbose: bool
) -> str:
    """The same as JSON; null for what was not measured."""
    found = {
        "system": name,
        "sessions": _sessions_json(verdicts) if verdicts is not None else None,
        "archives": _pairs_json(_total(packages)) if packages else None,
    }
    if verbose:
        found["packages"] = {package: _pairs_json(own) for package, own in packages.items()}
    return json.dumps(found, indent=2, ensure_ascii=False)


def _total(packages: Mapping[str, Tally]) -> Tally:
    return sum(packages.values(), Tally())


def of_sessions(name: str, verdicts: Sequence[Verdict]) -> str:
    """One line of shares, then each wrong offer and each missed place."""
    due, offered = sum(v.due for v in verdicts), sum(v.offered for v in verdicts)
    silences, wrong = sum(v.silences for v in verdicts), sum(len(v.wrong) for v in verdicts)
    quiet = 1 - wrong / max(1, silences)
    head = (
        f"{name}: {offered} of {due} right offers ({offered / max(1, due):.1%}), "
        f"{wrong} wrong at {silences} places of silence ({quiet:.1%})"
    )
    faults = [
        f"  {v.session.language}, {v.session.name}: {v.offered} of {v.due}; wrong {list(v.wrong)}"
        for v in verdicts
        if v.wrong or v.offered < v.due
    ]
    return "\n".join([head, *faults])


def _sessions_json(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The counts of all sessions, then those of each session."""
    return {
        "due": sum(each.due for each in verdicts),
        "offered": sum(each.offered for each in verdicts),
        "silences": sum(each.silences for each in verdicts),
        "wrong": sum(len(each.wrong) for each in verdicts),
        "sessions": [
            {
                "language": each.session.language,
                "name": each.session.name,
                "due": each.due,
                "offered": each.offered,
                "silences": each.silences,
                "wrong": list(each.wrong),
            }
            for each in verdicts
        ],
    }


def _pairs_json(tally: Tally) -> dict[str, Any]:
    """The counts of all offers, and each rule's offers with the shares of each kind."""
    rules = sorted({rule for rule, _ in tally.offers})
    return {
        "offers": tally.offers.total(),
        "hunks": tally.hunks,
        "found": tally.found,
        "states": tally.states,
        "silent": tally.silent,
        "steps": tally.steps,
        "lines_deleted": tally.lines_deleted,
        "rules": {rule: _rule_json(tally, rule) for rule in rules},
    }


def _rule_json(tally: Tally, rule: str) -> dict[str, Any]:
    return {
        "offers": sum(count for (own, _), count in tally.offers.items() if own == rule),
        **{kind: tally.share(kind, rule) for kind in ("exact", "text", "wrong")},
        "part": tally.part(rule),
    }


def of_pairs(name: str, tally: Tally) -> str:
    """The shares of all offers and of each rule."""
    quiet_or_steps = (tally.silent + tally.steps) / max(1, tally.states)
    lines = [
        f"{name}: {tally.offers.total()} offers, {tally.found} of {tally.hunks} hunks found "
        f"({tally.found / max(1, tally.hunks):.1%}), quiet in {tally.silent} of {tally.states} "
        f"states without a truth to write ({tally.silent / max(1, tally.states):.1%}; with those "
        f"that offer parts of the change alone {quiet_or_steps:.1%}), "
        f"{tally.lines_deleted} lines deleted",
        "| rule | offers | exact | another text | of it part of the change | wrong place |",
        "|---|---|---|---|---|---|",
    ]
    for rule in ["", *sorted({rule for rule, _ in tally.offers})]:
        count = sum(n for (own, _), n in tally.offers.items() if rule in {"", own})
        shares = [tally.share(kind, rule) for kind in ("exact", "text", "wrong")]
        shares.insert(2, tally.part(rule))
        lines.append(
            f"| {rule or 'all'} | {count} | {' | '.join(f'{each:.2f}' for each in shares)} |"
        )
    return "\n".join(lines)
