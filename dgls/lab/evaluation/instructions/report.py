"""The results of edits by instruction, as text and as JSON."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections import Counter
from collections.abc import Sequence

from dgls.lab.evaluation.instructions.run import Verdict


def to_text(name: str, verdicts: Sequence[Verdict], missing: Sequence[str] = ()) -> str:
    """A table of shares by language, the refusals by reason, and the slow ones."""
    lines = [
        f"{name}: {len(verdicts)} edits by instruction",
        "| language | edits | answers that parse | given | of these parse | keep the rest "
        "| right by tests |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for language in ["", *sorted({each.language for each in verdicts})]:
        own = [each for each in verdicts if language in {"", each.language}]
        lines.append(f"| {language or 'all'} | {len(own)} | {_row(own)} |")
    reasons = Counter(each.refusal for each in verdicts if each.refusal)
    lines += [f"refused, {reason}: {count}" for reason, count in reasons.most_common()]
    if missing:
        lines.append(f"left out, because their code is not on this machine: {', '.join(missing)}")
    if verdicts:
        lines.append(_cost(verdicts))
    return "\n".join(lines)


def to_json(name: str, verdicts: Sequence[Verdict], missing: Sequence[str] = ()) -> str:
    """Every verdict."""
    fields = {
        "model": name,
        "cases": [dataclasses.asdict(each) for each in verdicts],
        "missing": list(missing),
    }
    return json.dumps(fields, ensure_ascii=False)


def of_one(verdict: Verdict) -> str:
    """One line for one case."""
    right = {None: "", True: ", right", False: ", wrong by its test"}[verdict.right]
    how = f"refused: {verdict.refusal}" if verdict.refusal else f"edited{right}"
    return f"{verdict.language}, {verdict.name}: {how} ({verdict.seconds:.1f} s)"


def _row(verdicts: Sequence[Verdict]) -> str:
    given = [each for each in verdicts if not each.refusal]
    tested = [each for each in verdicts if each.right is not None]
    counts = (
        (sum(each.parses for each in verdicts), len(verdicts)),
        (len(given), len(verdicts)),
        (sum(each.parses for each in given), len(given)),
        (sum(each.keeps for each in verdicts), len(verdicts)),
        (sum(bool(each.right) for each in tested), len(tested)),
    )
    return " | ".join(f"{count} of {of}" for count, of in counts)


def _cost(verdicts: Sequence[Verdict]) -> str:
    tokens = sum(each.tokens for each in verdicts)
    passes = max(1, sum(each.passes for each in verdicts))
    middle = statistics.median(each.seconds for each in verdicts)
    return f"{middle:.1f} s an edit (p50), {tokens / passes:.1f} tokens a pass"
