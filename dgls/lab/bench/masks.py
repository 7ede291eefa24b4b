"""What masks write without verification, as two tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from dgls.errors import InputError
from dgls.inference.causal_model import CausalModel
from dgls.lab.bench.orders import settled
from dgls.lab.bench.unverified import unverified
from dgls.lab.evaluation.cases import Case


def tables(
    model: CausalModel,
    cases: Sequence[Case],
    say: Callable[[str], None],
    minutes: float = math.inf,
) -> str:
    """Both tables, as Markdown. Raises `InputError` for a model without an adapter.

    Each table starts no new gap after half of the minutes.
    """
    if model.masks is None:
        raise InputError(f"{model.name} has no adapter; nothing was measured.")
    lines = [
        "| accepted | passes a block | tokens right % | blocks right % | blocks |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {each.order} | {each.passes} | {100 * each.tokens_right:.1f} "
        f"| {100 * each.blocks_right:.1f} | {each.blocks} |"
        for each in settled(model, cases, say, minutes / 2)
    ]
    lines += [
        "",
        "| drafts accepted unverified | tokens a pass | same as greedy |",
        "|---|---|---|",
    ]
    lines += [
        f"| chance at least {each.least:g} | {each.tokens_per_pass:.2f} "
        f"| {each.same_as_greedy} of {each.gaps} |"
        for each in unverified(model, cases, minutes / 2)
    ]
    return "\n".join(lines)
