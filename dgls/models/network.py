"""What inference asks of a model's weights, and the library's class as the reference for it."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import DynamicCache

from dgls.models.architecture import TextDiffusionGemma
from dgls.models.past import Past


class Network(Protocol):
    """The two ways in which the weights run, and the output layer. All run in inference mode."""

    vocabulary: int
    device: torch.device
    dtype: torch.dtype

    def extend(self, tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        """Encode `tokens` [batch, new] causally after `past`.

        Returns the last layer's states [batch, new, hidden] and the past with the new tokens.
        """

    def canvas(self, tokens: Tensor, past: Past, conditioning: Tensor | None) -> Tensor:
        """Read `tokens` [batch, canvas] in both directions after `past`, which stays as it is.

        `conditioning` is None or the last step's logits [batch, canvas, vocab]. Returns fp32
        logits [batch, canvas, vocab].
        """

    def unembed(self, states: Tensor) -> Tensor:
        """States [..., hidden] to fp32 logits [..., vocab]."""


class LibraryNetwork:
    """The library's own class, for every size of model; the fused one is tested against it."""

    def __init__(self, model: TextDiffusionGemma) -> None:
        self._model: Any = model
        self._config: Any = model.config.get_text_config()
        self.vocabulary = int(self._config.vocab_size)
        self.device = model.model.decoder.embed_tokens.weight.device
        self.dtype = model.dtype

    @torch.inference_mode()
    def extend(self, tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        cache = self._cache(past)
        states: Tensor = self._model.model.encoder(
            input_ids=tokens, past_key_values=cache
        ).last_hidden_state
        length = tokens.shape[1] + (past.length if past else 0)
        keys = tuple(layer.keys for layer in cache.layers)
        return states, Past(keys, tuple(layer.values for layer in cache.layers), length)

    @torch.inference_mode()
    def canvas(self, tokens: Tensor, past: Past, conditioning: Tensor | None) -> Tensor:
        if conditioning is not None:
            conditioning = conditioning.to(self.dtype)
        logits: Tensor = self._model(
            decoder_input_ids=tokens,
            past_key_values=self._cache(past),
            self_conditioning_logits=conditioning,
        ).logits
        return logits

    @torch.inference_mode()
    def unembed(self, states: Tensor) -> Tensor:
        cap = float(self._config.final_logit_softcapping)
        logits: Tensor = self._model.lm_head(states).float()
        return torch.tanh(logits / cap).mul_(cap)

    def _cache(self, past: Past | None) -> Any:
        """A cache of the library that holds `past`; it replaces tensors, never writes into them."""
        cache: Any = DynamicCache(config=self._config)
        if past is None:
            return cache
        for layer, keys, values in zip(cache.layers, past.keys, past.values, strict=True):
            layer.lazy_initialization(keys, values)
            layer.keys, layer.values = keys, values
            if hasattr(layer, "cumulative_length"):
                layer.cumulative_length = past.length
        return cache


class MixedNetwork:
    """Encodes and scores with one network and reads canvases with a quicker, coarser one."""

    def __init__(self, exact: Network, quick: Network) -> None:
        self._exact = exact
        self._quick = quick
        self.vocabulary = exact.vocabulary
        self.device = exact.device
        self.dtype = exact.dtype

    def extend(self, tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        return self._exact.extend(tokens, past)

    @torch.inference_mode()
    def canvas(self, tokens: Tensor, past: Past, conditioning: Tensor | None) -> Tensor:
        return self._quick.canvas(tokens, past.to(self._quick.dtype), conditioning)

    def unembed(self, states: Tensor) -> Tensor:
        return self._exact.unembed(states)
