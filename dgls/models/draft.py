"""A greedy causal draft: the same weights, writing the middle from left to right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from dgls.errors import Stopped
from dgls.models.network import Network
from dgls.models.ngram_cache import NO_CACHE, NgramCache
from dgls.models.prefix_cache import Prefix


@dataclass(frozen=True, slots=True)
class CausalDraft:
    """`tokens` end with the end-of-gap token where the model ended the gap itself (`ended`).

    `log_probs` has the log-probability of each token in nats. Not `in_time` where the deadline
    ended the draft.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    ended: bool
    in_time: bool = True


@torch.inference_mode()
def draft(
    network: Network,
    prefix: Prefix,
    end: int,
    limit: int,
    *,
    cache: NgramCache = NO_CACHE,
    too_far: Callable[[int], bool],
    should_stop: Callable[[], bool],
    out_of_time: Callable[[], bool],
) -> CausalDraft:
    """Write the likeliest token at most `limit` times, until `end` or the first token `too_far`.

    What follows is predicted by the weights and by `cache`, what the prompt itself repeats.

    A token that is `too_far` (a line beyond the gap's last) is not taken. Raises `Stopped` when
    `should_stop()` says so; `out_of_time()` ends the draft where it is, but for its first token.
    Both are asked before every token.
    """
    tokens: list[int] = []
    log_probs: list[float] = []
    states, past = prefix.last, prefix.past
    while len(tokens) < limit:
        if tokens and out_of_time():
            return CausalDraft(tuple(tokens), tuple(log_probs), ended=False, in_time=False)
        if should_stop():
            raise Stopped(f"The fill was stopped after {len(tokens)} tokens; nothing was changed.")
        predicted = torch.log_softmax(network.unembed(states)[0], dim=-1)
        best = cache.mixed(predicted, tokens).max(dim=-1)
        # Whether to go on depends on the token, so it must come to the host each time.
        token = int(best.indices)
        if too_far(token):
            break
        tokens.append(token)
        log_probs.append(float(best.values))
        if token == end:
            return CausalDraft(tuple(tokens), tuple(log_probs), ended=True)
        if len(tokens) < limit:
            extended, past = network.extend(best.indices[None, None], past)
            states = extended[:, -1]
    return CausalDraft(tuple(tokens), tuple(log_probs), ended=False)
