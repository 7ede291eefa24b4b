"""Drafts from masks: an adapter turns mask states into tokens, each given the one before it.

The sampler head follows Samragh et al. 2025 (arXiv:2507.11851): what it adds to a mask's state
depends on the token drafted before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from dgls.checkpoint.adapter import AdapterWeights
from dgls.checkpoint.trained_file import Int8Matrix
from dgls.errors import CheckpointError
from dgls.network.linear import DenseLinear, Int8Linear, Linear, can_multiply_int8
from dgls.network.masks import LowRank, MaskLayer, Masks
from dgls.network.qwen2 import Qwen2Network

_NAMES = ("qkv", "out", "gate_up", "down")


class MaskDrafts:
    """An adapter on its network. `masks` are read after a text; their states draft what follows."""

    def __init__(self, network: Qwen2Network, weights: AdapterWeights) -> None:
        """Raises `CheckpointError` if the adapter's sizes do not fit the network."""
        _check(network, weights)
        self.masks = _masks(network, weights)
        self._network = network
        self._tokens = weights.draft_ids.to(network.device)
        self._head = network.head_over(self._tokens)
        self._inner = _linear(weights.matrices["sampler.in"], network)
        self._outer = _linear(weights.matrices["sampler.out"], network)

    @torch.inference_mode()
    def drafts(
        self,
        states: Tensor,
        before: int,
        least: float,
        ends: Callable[[Sequence[int]], bool] = lambda tokens: False,
    ) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Tokens after `before` from the masks' final states [masks, width], with probabilities.

        A probability is that of the token and all before it. The drafts end where it falls below
        `least`, or with a token for which `ends` is true.
        """
        tokens: list[int] = []
        chances: list[float] = []
        chance, previous = 1.0, before
        for index in range(len(states)):
            log_probs = self.log_probs(states[index], previous)
            best = int(log_probs.argmax())
            # The host needs each token to decide whether to go on.
            chance *= float(log_probs[best].exp())
            if chance < least:
                break
            previous = self.token(best)
            tokens.append(previous)
            chances.append(chance)
            if ends(tokens):
                break
        return tuple(tokens), tuple(chances)

    @torch.inference_mode()
    def log_probs(self, state: Tensor, before: int) -> Tensor:
        """Log-probabilities [drafts] of what a mask with a state [width] drafts after a token.

        `token` maps their indices to token ids.
        """
        row = state[None]
        return torch.log_softmax(self._head(row + self._sampled(row, before)).float()[0], -1)

    def token(self, index: int) -> int:
        """The token id of an index into `log_probs`."""
        return int(self._tokens[index])

    def _sampled(self, state: Tensor, before: int) -> Tensor:
        """What the sampler head adds to a state [1, width] after the token `before`."""
        width = (state.shape[-1],)
        token = self._network.embedded(torch.tensor([before], device=state.device))
        seen = torch.cat(
            [functional.rms_norm(token, width), functional.rms_norm(state, width)], dim=-1
        )
        return self._outer(functional.silu(self._inner(seen)))


def _masks(network: Qwen2Network, weights: AdapterWeights) -> Masks:
    device, dtype = network.device, network.dtype

    def term(layer: int, name: str) -> LowRank:
        down, up = (
            weights.matrices[f"{layer}.{name}.{side}"].dense(dtype).t().contiguous().to(device)
            for side in ("down", "up")
        )
        return LowRank(down, up)

    layers = tuple(
        MaskLayer(**{name: term(index, name) for name in _NAMES})
        for index in range(network.config.layers)
    )
    return Masks(weights.mask_embedding.to(device, dtype), layers)


def _linear(matrix: Int8Matrix, network: Qwen2Network) -> Linear:
    if network.device.type == "cpu" and can_multiply_int8():
        return Int8Linear(matrix.steps, matrix.scale)
    return DenseLinear(matrix.dense(network.dtype).to(network.device))


def _check(network: Qwen2Network, weights: AdapterWeights) -> None:
    config, rank, masks = network.config, weights.size.rank, weights.size.masks
    joined = (config.heads + 2 * config.kv_heads) * config.head_width
    sizes = {
        "qkv": (config.width, joined),
        "out": (config.width, config.width),
        "gate_up": (config.width, 2 * config.feed_forward),
        "down": (config.feed_forward, config.width),
    }
    wanted: dict[str, tuple[int, ...]] = {
        "sampler.in": (weights.size.sampler, 2 * config.width),
        "sampler.out": (config.width, weights.size.sampler),
    }
    for layer in range(config.layers):
        for name, (inputs, outputs) in sizes.items():
            wanted[f"{layer}.{name}.down"] = (rank, inputs)
            wanted[f"{layer}.{name}.up"] = (outputs, rank)
    found = {name: tuple(matrix.steps.shape) for name, matrix in weights.matrices.items()}
    fits = weights.mask_embedding.shape == (masks, config.width)
    ids = weights.draft_ids
    known = bool(len(ids)) and int(ids.min()) >= 0 and int(ids.max()) < config.vocabulary
    if found != wanted or not fits or not known:
        raise CheckpointError(
            "The adapter's sizes do not match its base; fills continue without it. Get dgls again."
        )
