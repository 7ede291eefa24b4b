"""What inference asks of a model's weights, and the library's class as the reference for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from transformers import DynamicCache

from dgls.diffusion.reading import Reader
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
        What `Past.windows` says of its layers decides how far it can be cut back.
        """

    def canvas(self, tokens: Tensor, past: Past, conditioning: Tensor | None) -> Tensor:
        """Read `tokens` [batch, canvas] in both directions after `past`, which stays as it is.

        `conditioning` is None or the last step's logits [batch, canvas, vocab]. Returns fp32
        logits [batch, canvas, vocab].
        """

    def unembed(self, states: Tensor) -> Tensor:
        """States [..., hidden] to fp32 logits [..., vocab]."""


@runtime_checkable
class SteppingNetwork(Network, Protocol):
    """A network that takes whole denoise steps by itself, which is cheaper than giving logits."""

    def reader(self, past: Past) -> Reader:
        """What reads canvases behind `past`, a row of it each; until the network's next reader."""


class LibraryNetwork:
    """The library's own class, for every size of model; the fused one is tested against it.

    A sliding layer keeps `spare` tokens beyond its window, by which a prompt can be cut back.
    """

    def __init__(self, model: TextDiffusionGemma, spare: int = 256) -> None:
        self._model: Any = model
        self._config: Any = model.config.get_text_config()
        self.vocabulary = int(self._config.vocab_size)
        self.device = model.model.decoder.embed_tokens.weight.device
        self.dtype = model.dtype
        self._spare = spare
        sliding = int(self._config.sliding_window)
        kinds = self._config.layer_types
        self._windows = tuple(sliding * (kind == "sliding_attention") for kind in kinds)

    @torch.inference_mode()
    def extend(self, tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        cache = self._cache(past)
        # Else a sliding layer drops what its window has passed, also what a later cut would need.
        cache.activate_past_recording()
        states: Tensor = self._model.model.encoder(
            input_ids=tokens, past_key_values=cache
        ).last_hidden_state
        length = tokens.shape[1] + (past.length if past else 0)
        keys = self._kept([layer.keys for layer in cache.layers], past.keys if past else (), length)
        values = self._kept(
            [layer.values for layer in cache.layers], past.values if past else (), length
        )
        return states, Past(keys, values, length, self._windows)

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

    def _kept(
        self, recorded: Sequence[Tensor], older: Sequence[Tensor], length: int
    ) -> tuple[Tensor, ...]:
        """Keys or values of each layer, with so many of the `older` ones that a cut may go back."""
        found: list[Tensor] = []
        for index, (tensor, window) in enumerate(zip(recorded, self._windows, strict=True)):
            most = min(length, window - 1 + self._spare) if window else length
            missing = most - tensor.shape[-2]
            if older and missing > 0:
                hidden = older[index][..., : 1 - window, :]
                tensor = torch.cat([hidden[..., -missing:, :], tensor], dim=-2)
            # A view would hold all of a long prompt; of what a few tokens add it may.
            tensor = tensor[..., -most:, :]
            found.append(tensor.clone() if -missing > self._spare else tensor)
        return tuple(found)

    def _cache(self, past: Past | None) -> Any:
        """A cache of the library that holds `past`; it replaces tensors, never writes into them."""
        cache: Any = DynamicCache(config=self._config)
        if past is None:
            return cache
        past = past.visible()
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
