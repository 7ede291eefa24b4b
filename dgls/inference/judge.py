"""Scores a finished fill, read causally after the prompt, which also holds the suffix."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dgls.inference.ngram_cache import NO_CACHE, NgramCache
from dgls.inference.prefix_cache import Prefix
from dgls.network.interface import Network


@torch.inference_mode()
def judge(
    network: Network,
    prefix: Prefix,
    targets: Sequence[Sequence[int]],
    cache: NgramCache = NO_CACHE,
) -> tuple[tuple[float, ...], ...]:
    """The log-probability in nats of each token of each target, all in one causal pass.

    The weights are mixed with `cache`, as in a causal draft. A target is a fill's tokens and the
    end-of-gap token; it must not be empty.
    """
    lengths = torch.tensor([len(target) for target in targets])
    longest = int(lengths.max())
    # Right padding is harmless: causally, no token sees what follows it.
    padded = torch.tensor([[*target, *[0] * (longest - len(target))] for target in targets])
    padded = padded.to(network.device)
    states = _states(network, prefix, padded[:, :-1])
    used = torch.arange(longest) < lengths[:, None]
    logits = network.unembed(states[used.to(network.device)])
    picked = torch.log_softmax(logits, dim=-1).gather(-1, padded[used.to(network.device), None])
    each = iter(picked.flatten().tolist())
    return tuple(
        tuple(
            cache.mixed_one(next(each), token, target[:index]) for index, token in enumerate(target)
        )
        for target in targets
    )


def _states(network: Network, prefix: Prefix, tokens: Tensor) -> Tensor:
    """The states that predict each target token: [batch, tokens + 1, hidden]."""
    rows = tokens.shape[0]
    first = prefix.last.expand(rows, -1).unsqueeze(1)
    if tokens.shape[1] == 0:
        return first
    rest, _ = network.extend(tokens, prefix.past.for_batch(rows))
    return torch.cat([first, rest], dim=1)
