"""The library's own class as a network: the reference for the others."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor
from transformers import DynamicCache

from dgls.network.architecture import TextDiffusionGemma
from dgls.network.interface import Extension, JointNetwork, Reading
from dgls.network.padding import Padded
from dgls.network.past import Past

P = TypeVar("P")
R = TypeVar("R")


class LibraryNetwork:
    """The library's own class, for every size of model; the fused network is tested against it.

    A sliding layer keeps `spare` tokens beyond its window, so that a prompt can be cut back.
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
        states, recorded = self._encoded(tokens, past and past.visible())
        return states, self._after(recorded, past, tokens.shape[1])

    @torch.inference_mode()
    def canvas(self, tokens: Tensor, past: Past, conditioning: Tensor | None) -> Tensor:
        return self._read(tokens, past.visible(), conditioning)

    @torch.inference_mode()
    def extend_all(self, wanted: Sequence[Extension]) -> list[tuple[Tensor, Past]]:
        """Extensions with the same number of tokens after a past run as one, with padding masks."""
        return _in_groups(
            wanted, lambda each: (each.past is None, each.tokens.shape[1]), self._extend_group
        )

    @torch.inference_mode()
    def canvas_all(self, wanted: Sequence[Reading]) -> list[Tensor]:
        """Canvases of one size run as one, with padding masks."""
        return _in_groups(wanted, lambda each: each.tokens.shape[1], self._read_group)

    def _extend_group(self, group: Sequence[Extension]) -> list[tuple[Tensor, Past]]:
        pasts = [each.past for each in group if each.past is not None]
        if len(group) == 1 or not pasts:
            return [self.extend(each.tokens, each.past) for each in group]
        padded = _padded(group, pasts)
        new = group[0].tokens.shape[1]
        tokens = torch.cat([each.tokens for each in group])
        states, (keys, values) = self._encoded(
            tokens,
            padded.past,
            attention_mask=padded.mask(new),
            position_ids=padded.positions(new),
        )
        recorded = zip(padded.apart(keys, new), padded.apart(values, new), strict=True)
        return [
            (own, self._after(each, past, new))
            for own, each, past in zip(
                states.split_with_sizes(padded.rows), recorded, pasts, strict=True
            )
        ]

    def _read_group(self, group: Sequence[Reading]) -> list[Tensor]:
        if len(group) == 1:
            return [self.canvas(each.tokens, each.past, each.conditioning) for each in group]
        padded = _padded(group, [each.past for each in group])
        canvas = group[0].tokens.shape[1]
        conditioning, conditioned = _conditioning_of(group, self.vocabulary)
        logits = self._read(
            torch.cat([each.tokens for each in group]),
            padded.past,
            conditioning,
            self_conditioning_mask=conditioned,
            decoder_attention_mask=padded.mask(canvas),
            decoder_position_ids=padded.positions(canvas),
        )
        return list(logits.split_with_sizes(padded.rows))

    def _encoded(
        self, tokens: Tensor, visible: Past | None, **masks: Tensor
    ) -> tuple[Tensor, tuple[list[Tensor], list[Tensor]]]:
        """The states of `tokens`, and each layer's keys and values of all tokens that it saw."""
        cache = self._cache(visible)
        # Otherwise a sliding layer drops tokens outside its window that a later cut would need.
        cache.activate_past_recording()
        states: Tensor = self._model.model.encoder(
            input_ids=tokens, past_key_values=cache, **masks
        ).last_hidden_state
        return states, ([at.keys for at in cache.layers], [at.values for at in cache.layers])

    def _read(
        self, tokens: Tensor, visible: Past, conditioning: Tensor | None, **masks: Tensor | None
    ) -> Tensor:
        if conditioning is not None:
            conditioning = conditioning.to(self.dtype)
        logits: Tensor = self._model(
            decoder_input_ids=tokens,
            past_key_values=self._cache(visible),
            self_conditioning_logits=conditioning,
            **masks,
        ).logits
        return logits

    @torch.inference_mode()
    def unembed(self, states: Tensor) -> Tensor:
        cap = float(self._config.final_logit_softcapping)
        logits: Tensor = self._model.lm_head(states).float()
        return torch.tanh(logits / cap).mul_(cap)

    def _after(
        self, recorded: tuple[Sequence[Tensor], Sequence[Tensor]], past: Past | None, new: int
    ) -> Past:
        """The past with `new` more tokens, from each layer's recorded keys and values."""
        length = new + (past.length if past else 0)
        older = (past.keys, past.values) if past else ((), ())
        keys, values = (
            self._kept(each, before, length) for each, before in zip(recorded, older, strict=True)
        )
        return Past(keys, values, length, self._windows)

    def _kept(
        self, recorded: Sequence[Tensor], older: Sequence[Tensor], length: int
    ) -> tuple[Tensor, ...]:
        """Each layer's keys or values, with enough `older` ones for cutting back."""
        found: list[Tensor] = []
        for index, (tensor, window) in enumerate(zip(recorded, self._windows, strict=True)):
            most = min(length, window - 1 + self._spare) if window else length
            missing = most - tensor.shape[-2]
            if older and missing > 0:
                hidden = older[index][..., : 1 - window, :]
                tensor = torch.cat([hidden[..., -missing:, :], tensor], dim=-2)
            # A view would keep all of a long prompt alive; for a few new tokens that is fine.
            tensor = tensor[..., -most:, :]
            found.append(tensor.clone() if -missing > self._spare else tensor)
        return tuple(found)

    def _cache(self, past: Past | None) -> Any:
        """A library cache with `past`; it replaces tensors and never writes into them."""
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
    """Encodes and scores with one network and reads canvases with a faster, coarser one."""

    def __init__(self, exact: JointNetwork, quick: JointNetwork) -> None:
        self._exact = exact
        self._quick = quick
        self.vocabulary = exact.vocabulary
        self.device = exact.device
        self.dtype = exact.dtype

    def extend(self, tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        return self._exact.extend(tokens, past)

    def extend_all(self, wanted: Sequence[Extension]) -> list[tuple[Tensor, Past]]:
        return self._exact.extend_all(wanted)

    @torch.inference_mode()
    def canvas_all(self, wanted: Sequence[Reading]) -> list[Tensor]:
        dtype = self._quick.dtype
        return self._quick.canvas_all([replace(each, past=each.past.to(dtype)) for each in wanted])

    @torch.inference_mode()
    def canvas(self, tokens: Tensor, past: Past, conditioning: Tensor | None) -> Tensor:
        return self._quick.canvas(tokens, past.to(self._quick.dtype), conditioning)

    def unembed(self, states: Tensor) -> Tensor:
        return self._exact.unembed(states)


def _in_groups(
    wanted: Sequence[P], kind: Callable[[P], Hashable], run: Callable[[Sequence[P]], list[R]]
) -> list[R]:
    """The results of `run` for each group of the same kind, in the order of `wanted`."""
    groups: dict[Hashable, list[int]] = {}
    for index, each in enumerate(wanted):
        groups.setdefault(kind(each), []).append(index)
    found: dict[int, R] = {}
    for indices in groups.values():
        results = run([wanted[index] for index in indices])
        found.update(zip(indices, results, strict=True))
    return [found[index] for index in range(len(wanted))]


def _padded(group: Sequence[Extension] | Sequence[Reading], pasts: Sequence[Past]) -> Padded:
    return Padded.of([past.visible() for past in pasts], [len(each.tokens) for each in group])


def _conditioning_of(
    group: Sequence[Reading], vocabulary: int
) -> tuple[Tensor | None, Tensor | None]:
    """The conditioning of all rows, and which rows have one; None if no row has."""
    given = [each.conditioning for each in group]
    if all(each is None for each in given):
        return None, None
    rows = [
        torch.zeros(*each.tokens.shape, vocabulary, device=each.tokens.device)
        if each.conditioning is None
        else each.conditioning
        for each in group
    ]
    has_one = [each.conditioning is not None for each in group for _ in each.tokens]
    return torch.cat(rows), torch.tensor(has_one, device=rows[0].device)
