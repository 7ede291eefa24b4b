"""Fits the n-gram cache's share of a prediction, for each length of repeated context."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from dgls.checkpoint.metadata import read_metadata, write_metadata
from dgls.inference.model import Model
from dgls.inference.ngram_cache import NgramCache
from dgls.lab.evaluation.cases import Case
from dgls.lab.evaluation.model_systems import request_of
from dgls.syntax.cursor import Budget

LONGEST = 8
"""The longest distinguished context, in tokens."""

_STEPS = 50
_MOST = 0.96
_MIN_SEEN = 20

Pair = tuple[float, float]


def fit_cache_shares(model: Model, cases: Sequence[Case], budget: Budget) -> tuple[float, ...]:
    """The shares under which the true fills of `cases` (one gap each) are likeliest.

    The model reads what an editor would send it within `budget`. A rarely seen length of context
    gets the share of the next shorter one.
    """
    pairs: list[list[Pair]] = [[] for _ in range(LONGEST)]
    for case in cases:
        for order, pair in _pairs(model, case, budget):
            pairs[order - 1].append(pair)
    shares: list[float] = []
    for seen in pairs:
        shares.append(_likeliest(seen) if len(seen) >= _MIN_SEEN else [0.0, *shares][-1])
    return tuple(shares)


def _pairs(model: Model, case: Case, budget: Budget) -> Iterable[tuple[int, Pair]]:
    """For each token of the truth: the length of its repeated context, and both probabilities."""
    prompt = model.layout.build(request_of(case, budget, seed=0)).prompt
    target = model.layout.target(case.truth)
    # Shares equal to the order let the cache's answer tell which order it matched.
    cache = NgramCache(prompt, [float(order) for order in range(1, LONGEST + 1)])
    scores = model.judge(model.encode(prompt), [target])[0]
    for index, (token, log_prob) in enumerate(zip(target, scores, strict=True)):
        order, found = cache.share(target[:index])
        if order:
            yield round(order), (math.exp(log_prob), found[token] / found.total())


def _likeliest(pairs: Sequence[Pair]) -> float:
    """The share that makes the tokens likeliest, on a grid."""
    grid: list[float] = [step * _MOST / _STEPS for step in range(_STEPS + 1)]
    best = max(grid, key=lambda share: _log_likelihood(pairs, share))
    return round(best, 4)


def _log_likelihood(pairs: Sequence[Pair], share: float) -> float:
    return sum(math.log((1 - share) * model + share * cache + 1e-12) for model, cache in pairs)


def without_cache(model: Model) -> Model:
    """The same model without the cache, which the shares are fitted on."""
    metadata = replace(model.metadata, cache_shares=())
    return Model(model.network, model.codec, metadata)


def write_cache_shares(shares: tuple[float, ...], folder: Path) -> None:
    """Write the shares into the checkpoint's metadata, leaving the rest unchanged."""
    metadata = read_metadata(folder)
    if metadata is not None:
        write_metadata(replace(metadata, cache_shares=shares), folder)
