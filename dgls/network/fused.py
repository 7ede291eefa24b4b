"""The model's two passes with few operations, whose overhead dominates in a small model.

The same mathematics as the library's class, and tested equal to it. Maps with the same input are
one matrix, the scale of a norm is folded into the matrix after it, the only expert is part of the
dense layer, its router (which has no choice) is left out, and no mask or cache object is built. For
models with one expert only; others use `LibraryNetwork`.

Passes of several callers run as one without padding: their tokens lie in one row for everything but
attention, which each part computes with its own past ("selective batching", Yu et al., "Orca: A
Distributed Serving System for Transformer-Based Generative Models", OSDI 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from dgls.network.architecture import TextDiffusionGemma
from dgls.network.fused_weights import FusedLayer, fused_conditioning, fused_layer
from dgls.network.interface import Extension, Reading
from dgls.network.past import Past

_KeyValue = tuple[Tensor, Tensor]


class FusedNetwork:
    """A `JointNetwork` for a model with one expert, in `dtype` or the model's own."""

    def __init__(self, model: TextDiffusionGemma, dtype: torch.dtype | None = None) -> None:
        config: Any = model.config.get_text_config()
        decoder: Any = model.model.decoder
        encoder: Any = model.model.encoder.language_model
        self.vocabulary = int(config.vocab_size)
        self.device: torch.device = decoder.embed_tokens.weight.device
        self._eps = float(config.rms_norm_eps)
        self._cap = float(config.final_logit_softcapping)
        self._heads = int(config.num_attention_heads)
        self.dtype: torch.dtype = dtype or model.dtype
        self._embedding: Tensor = decoder.embed_tokens.weight.detach().to(self.dtype)
        self._embed_scale: Tensor = decoder.embed_tokens.embed_scale.to(self.dtype)
        self._norm: Tensor = decoder.norm.weight.detach().to(self.dtype)
        self._rotary = _Rotary(decoder.rotary_emb, set(config.layer_types), self._embedding)
        gate_up, down = fused_conditioning(decoder.self_conditioning)
        self._conditioning = (gate_up.to(self.dtype), down.to(self.dtype))
        self._layers = [
            fused_layer(*pair, config.layer_types[index]).to(self.dtype)
            for index, pair in enumerate(zip(decoder.layers, encoder.layers, strict=True))
        ]

    def extend(self, tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        return self.extend_all([Extension(tokens, past)])[0]

    def canvas(self, tokens: Tensor, past: Past, conditioning: Tensor | None) -> Tensor:
        return self.canvas_all([Reading(tokens, past, conditioning)])[0]

    @torch.inference_mode()
    def extend_all(self, wanted: Sequence[Extension]) -> list[tuple[Tensor, Past]]:
        parts = [_Part.causal(each.tokens, each.past) for each in wanted]
        tokens = _joined([each.tokens.flatten() for each in wanted])
        states = functional.embedding(tokens, self._embedding) * self._embed_scale
        kept: list[list[_KeyValue]] = []
        for index, layer in enumerate(self._layers):
            states, seen = self._run(layer, states, parts, index)
            states = states * layer.encoder_scale
            kept.append(seen)
        done = _split(self._normed(states) * self._norm, parts)
        return [
            (states, part.past_of([seen[index] for seen in kept]))
            for index, (states, part) in enumerate(zip(done, parts, strict=True))
        ]

    @torch.inference_mode()
    def canvas_all(self, wanted: Sequence[Reading]) -> list[Tensor]:
        parts = [_Part.canvas(each.tokens, each.past) for each in wanted]
        states = self._normed(self._conditioned(wanted))
        for index, layer in enumerate(self._layers):
            states, _ = self._run(layer, states, parts, index)
            states = states * layer.decoder_scale
        return _split(self.unembed(self._normed(states) * self._norm), parts)

    @torch.inference_mode()
    def unembed(self, states: Tensor) -> Tensor:
        logits = functional.linear(states, self._embedding).float()
        return logits.div_(self._cap).tanh_().mul_(self._cap)

    def _run(
        self, layer: FusedLayer, states: Tensor, parts: Sequence[_Part], index: int
    ) -> tuple[Tensor, list[_KeyValue]]:
        """Layer `index` without its last factor: states [tokens, hidden], and all keys and values.

        Only attention handles the parts separately; everything else is one operation.
        """
        mixed, seen = self._attention(layer, self._normed(states), parts, index)
        states = states + self._normed(mixed) * layer.after_attention
        gate, up = functional.linear(self._normed(states), layer.gate_up).chunk(2, dim=-1)
        inner = functional.gelu(gate, approximate="tanh") * up
        width = layer.dense_down.shape[1]
        dense = functional.linear(inner[..., :width], layer.dense_down)
        expert = functional.linear(inner[..., width:], layer.expert_down)
        both = self._normed(dense) * layer.after_dense + self._normed(expert) * layer.after_expert
        return states + self._normed(both) * layer.after_both, seen

    def _attention(
        self, layer: FusedLayer, normed: Tensor, parts: Sequence[_Part], index: int
    ) -> tuple[Tensor, list[_KeyValue]]:
        heads = functional.linear(normed, layer.qkv).view(-1, *layer.heads_scale.shape)
        heads = self._normed(heads) * layer.heads_scale
        mixed: list[Tensor] = []
        seen: list[_KeyValue] = []
        for part, own in zip(parts, _split(heads, parts), strict=True):
            result, keys_values = self._attended(layer.kind, own, part, index)
            mixed.append(result.flatten(0, 1))
            seen.append(keys_values)
        return functional.linear(_joined(mixed), layer.out), seen

    def _attended(
        self, kind: str, heads: Tensor, part: _Part, index: int
    ) -> tuple[Tensor, _KeyValue]:
        """The attention of one part: [batch, new, heads * dim] from [batch, new, all, dim]."""
        total = heads.shape[2]
        shared = (total - self._heads) // 2
        turned = self._rotary.turn(heads[:, :, : total - shared], kind, part.start)
        query, key = turned[:, :, : self._heads], turned[:, :, self._heads :]
        before = part.before(index)
        seen = (_appended(before, 0, key), _appended(before, 1, heads[:, :, -shared:]))
        mixed = functional.scaled_dot_product_attention(
            query.transpose(1, 2),
            *seen,
            part.mask,
            is_causal=part.is_causal and before is None and part.new > 1,
            scale=1.0,
            enable_gqa=shared != self._heads,
        )
        return mixed.transpose(1, 2).flatten(2), seen

    def _conditioned(self, wanted: Sequence[Reading]) -> Tensor:
        """Embeddings plus the self-conditioning signal: [tokens, hidden]."""
        tokens = _joined([each.tokens.flatten() for each in wanted])
        states = functional.embedding(tokens, self._embedding) * self._embed_scale
        signals = [
            None if each.conditioning is None else each.conditioning.flatten(0, 1)
            for each in wanted
        ]
        known = [signal for signal in signals if signal is not None]
        if not known:
            return states
        signal = self._signal(_joined(known))
        if len(known) == len(wanted):
            return states + signal
        has_one = [each.conditioning is not None for each in wanted]
        sizes = [each.tokens.numel() for each in wanted]
        rows = torch.tensor(has_one).repeat_interleave(torch.tensor(sizes)).to(states.device)
        return states.masked_scatter(rows[:, None], states[rows] + signal)

    def _signal(self, logits: Tensor) -> Tensor:
        """The self-conditioning signal: [tokens, vocab] to [tokens, hidden]."""
        likely = logits.softmax(dim=-1, dtype=torch.float32).to(self._embedding.dtype)
        soft = likely @ self._embedding * self._embed_scale
        gate_up, down = self._conditioning
        gate, up = functional.linear(self._normed(soft), gate_up).chunk(2, dim=-1)
        return functional.linear(functional.gelu(gate, approximate="tanh") * up, down)

    def _normed(self, states: Tensor) -> Tensor:
        """Divided by the root mean square of the last dimension."""
        wide = states.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self._eps)).type_as(
            states
        )


def can_fuse(model: TextDiffusionGemma, window: int) -> bool:
    """Whether `FusedNetwork` runs this model on up to `window` tokens.

    It needs one expert, no biases, and layers that see the whole window.
    """
    config: Any = model.config.get_text_config()
    plain = not config.attention_bias and config.use_bidirectional_attention is None
    gelu = config.hidden_activation == "gelu_pytorch_tanh"
    return bool(config.num_experts == 1 and plain and gelu and config.sliding_window > window)


class _Rotary:
    """Rotary positions from tables computed by the library's own module."""

    def __init__(self, module: Any, kinds: set[str], like: Tensor) -> None:
        self._module = module
        self._kinds = kinds
        self._like = like
        self._tables: dict[str, tuple[Tensor, Tensor]] = {}
        self._filled = 0

    def turn(self, states: Tensor, kind: str, start: int) -> Tensor:
        """Rotate [batch, new, heads, dim] to positions `start` and up."""
        end = start + states.shape[1]
        if end > self._filled:
            self._fill(max(end, 2 * self._filled, 512))
        cosine, sine = self._tables[kind]
        half = states.shape[-1] // 2
        return states * cosine[start:end] + states.roll(half, -1) * sine[start:end]

    def _fill(self, length: int) -> None:
        positions = torch.arange(length, device=self._like.device)[None]
        for kind in self._kinds:
            cosine, sine = (
                table[0, :, None] for table in self._module(self._like, positions, kind)
            )
            half = sine.shape[-1] // 2
            # Rolled by half, the first half has the part that is subtracted.
            self._tables[kind] = (cosine, torch.cat([-sine[..., :half], sine[..., half:]], dim=-1))
        self._filled = length


@dataclass(frozen=True, slots=True)
class _Part:
    """One caller's tokens in a pass: [batch, new], after its past."""

    batch: int
    new: int
    past: Past | None
    mask: Tensor | None
    is_causal: bool

    @classmethod
    def causal(cls, tokens: Tensor, past: Past | None) -> _Part:
        """Tokens that see only earlier ones and themselves."""
        batch, new = tokens.shape
        mask = None if past is None else _causal_mask(new, past.length, tokens.device)
        return cls(batch, new, past, mask, is_causal=True)

    @classmethod
    def canvas(cls, tokens: Tensor, past: Past) -> _Part:
        """Tokens that all see each other."""
        batch, canvas = tokens.shape
        return cls(batch, canvas, past, mask=None, is_causal=False)

    @property
    def start(self) -> int:
        """The position of the first token."""
        return self.past.length if self.past else 0

    def before(self, index: int) -> _KeyValue | None:
        """Keys and values of layer `index` before the new ones."""
        return (self.past.keys[index], self.past.values[index]) if self.past else None

    def past_of(self, seen: Sequence[_KeyValue]) -> Past:
        """The past with the new tokens, from each layer's keys and values."""
        keys, values = zip(*seen, strict=True)
        return Past(keys, values, self.start + self.new)


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    """All tensors concatenated; a single one is returned unchanged."""
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))


def _split(tensor: Tensor, parts: Sequence[_Part]) -> list[Tensor]:
    """[tokens, ...] to [batch, new, ...] for each part."""
    sizes = [part.batch * part.new for part in parts]
    return [
        piece.view(part.batch, part.new, *tensor.shape[1:])
        for piece, part in zip(tensor.split_with_sizes(sizes), parts, strict=True)
    ]


def _appended(before: _KeyValue | None, which: int, new: Tensor) -> Tensor:
    """All keys or values: [batch, heads, all, dim], with `new` [batch, new, heads, dim] appended.

    In memory the tokens are consecutive, so that cutting and joining are plain copies.
    """
    if before is None:
        return new.contiguous().transpose(1, 2)
    return torch.cat([before[which].transpose(1, 2), new], dim=1).transpose(1, 2)


def _causal_mask(new: int, start: int, device: torch.device) -> Tensor | None:
    """Which keys each new token sees: bool [new, start + new]; None if no mask is needed."""
    if new == 1 or start == 0:
        return None
    return torch.ones(new, start + new, dtype=torch.bool, device=device).tril(diagonal=start)
