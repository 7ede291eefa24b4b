"""The model's two passes with few operations: for a small model those cost more than arithmetic.

The same mathematics as the library's class, and tested equal to it. What is saved: maps that read
the same input are one matrix, the scale of a norm is folded into the matrix behind it, the only
expert is part of the dense layer, its router (which has nothing to choose) is left out, and no
mask or cache object is built. For models with one expert only; others take `LibraryNetwork`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from dgls.models.architecture import TextDiffusionGemma
from dgls.models.past import Past


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer's weights; matrices are [out, in].

    `qkv` gives queries, keys and values for all heads, `heads_scale` [heads + 2 kv_heads, dim]
    scales them once normalised. `gate` and `up` have the dense and the expert's rows, `dense_down`
    and `expert_down` read them apart, because each has a norm of its own. `encoder_scale` and
    `decoder_scale` are the layer's last factor in either pass.
    """

    kind: str
    qkv: Tensor
    heads_scale: Tensor
    out: Tensor
    gate_up: Tensor
    dense_down: Tensor
    expert_down: Tensor
    after_attention: Tensor
    after_dense: Tensor
    after_expert: Tensor
    after_both: Tensor
    encoder_scale: Tensor
    decoder_scale: Tensor

    def to(self, dtype: torch.dtype) -> _Layer:
        """The same weights in `dtype`."""
        weights = (getattr(self, field.name) for field in dataclasses.fields(self)[1:])
        return _Layer(self.kind, *(weight.to(dtype) for weight in weights))


class FusedNetwork:
    """`dgls.models.network.Network` for a model with one expert, in `dtype` or the model's own."""

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
        gate_up, down = _conditioning(decoder.self_conditioning)
        self._conditioning = (gate_up.to(self.dtype), down.to(self.dtype))
        self._layers = [
            _layer(*pair, config.layer_types[index]).to(self.dtype)
            for index, pair in enumerate(zip(decoder.layers, encoder.layers, strict=True))
        ]

    @torch.inference_mode()
    def extend(self, tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        start = past.length if past else 0
        new = tokens.shape[1]
        states = functional.embedding(tokens, self._embedding) * self._embed_scale
        mask = _causal_mask(new, start, tokens.device)
        keys: list[Tensor] = []
        values: list[Tensor] = []
        for index, layer in enumerate(self._layers):
            before = None if past is None else (past.keys[index], past.values[index])
            states, (key, value) = self._run(layer, states, start, before, mask)
            states = states * layer.encoder_scale
            keys.append(key)
            values.append(value)
        return self._normed(states) * self._norm, Past(tuple(keys), tuple(values), start + new)

    @torch.inference_mode()
    def canvas(self, tokens: Tensor, past: Past, conditioning: Tensor | None) -> Tensor:
        states = functional.embedding(tokens, self._embedding) * self._embed_scale
        if conditioning is not None:
            states = states + self._signal(conditioning)
        states = self._normed(states)
        for index, layer in enumerate(self._layers):
            before = (past.keys[index], past.values[index])
            states, _ = self._run(layer, states, past.length, before, None)
            states = states * layer.decoder_scale
        return self.unembed(self._normed(states) * self._norm)

    @torch.inference_mode()
    def unembed(self, states: Tensor) -> Tensor:
        logits = functional.linear(states, self._embedding).float()
        return logits.div_(self._cap).tanh_().mul_(self._cap)

    def _run(
        self,
        layer: _Layer,
        states: Tensor,
        start: int,
        before: tuple[Tensor, Tensor] | None,
        mask: Tensor | None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One layer without its last factor: states [batch, new, hidden], all keys and values."""
        mixed, seen = self._attention(layer, self._normed(states), start, before, mask)
        states = states + self._normed(mixed) * layer.after_attention
        gate, up = functional.linear(self._normed(states), layer.gate_up).chunk(2, dim=-1)
        inner = functional.gelu(gate, approximate="tanh") * up
        width = layer.dense_down.shape[1]
        dense = functional.linear(inner[..., :width], layer.dense_down)
        expert = functional.linear(inner[..., width:], layer.expert_down)
        both = self._normed(dense) * layer.after_dense + self._normed(expert) * layer.after_expert
        return states + self._normed(both) * layer.after_both, seen

    def _attention(
        self,
        layer: _Layer,
        normed: Tensor,
        start: int,
        before: tuple[Tensor, Tensor] | None,
        mask: Tensor | None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        batch, new, _ = normed.shape
        total, dim = layer.heads_scale.shape
        shared = (total - self._heads) // 2
        parts = functional.linear(normed, layer.qkv).view(batch, new, total, dim)
        parts = self._normed(parts) * layer.heads_scale
        turned = self._rotary.turn(parts[:, :, : total - shared], layer.kind, start)
        query, key = turned[:, :, : self._heads], turned[:, :, self._heads :]
        seen = (_joined(before, 0, key), _joined(before, 1, parts[:, :, -shared:]))
        mixed = functional.scaled_dot_product_attention(
            query.transpose(1, 2),
            *seen,
            mask,
            is_causal=before is None and new > 1,
            scale=1.0,
            enable_gqa=shared != self._heads,
        )
        return functional.linear(mixed.transpose(1, 2).reshape(batch, new, -1), layer.out), seen

    def _signal(self, logits: Tensor) -> Tensor:
        """What self-conditioning adds to the embeddings: [batch, canvas, vocab] to hidden."""
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
    """Whether `FusedNetwork` runs this model on up to `window` tokens: it needs one expert, no
    biases, and layers that see the whole window.
    """
    config: Any = model.config.get_text_config()
    plain = not config.attention_bias and config.use_bidirectional_attention is None
    gelu = config.hidden_activation == "gelu_pytorch_tanh"
    return bool(config.num_experts == 1 and plain and gelu and config.sliding_window > window)


class _Rotary:
    """Rotary positions from tables that the library's own module fills."""

    def __init__(self, module: Any, kinds: set[str], like: Tensor) -> None:
        self._module = module
        self._kinds = kinds
        self._like = like
        self._tables: dict[str, tuple[Tensor, Tensor]] = {}
        self._filled = 0

    def turn(self, states: Tensor, kind: str, start: int) -> Tensor:
        """Rotate [batch, new, heads, dim] as standing at positions `start` and onwards."""
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
            # Rolled by half, the first half holds what is subtracted.
            self._tables[kind] = (cosine, torch.cat([-sine[..., :half], sine[..., half:]], dim=-1))
        self._filled = length


def _joined(before: tuple[Tensor, Tensor] | None, which: int, new: Tensor) -> Tensor:
    """The keys or values seen: [batch, heads, all, dim], of `new` [batch, new, heads, dim].

    In memory the tokens lie one behind the other, so that to cut and to join are plain copies.
    """
    if before is None:
        return new.contiguous().transpose(1, 2)
    return torch.cat([before[which].transpose(1, 2), new], dim=1).transpose(1, 2)


def _causal_mask(new: int, start: int, device: torch.device) -> Tensor | None:
    """Which keys each new token sees: bool [new, start + new]; None where no mask is needed."""
    if new == 1 or start == 0:
        return None
    return torch.ones(new, start + new, dtype=torch.bool, device=device).tril(diagonal=start)


def _layer(decoder: Any, encoder: Any, kind: str) -> _Layer:
    attention, dense, expert = decoder.self_attn, decoder.mlp, decoder.experts
    values = attention.k_proj if attention.v_proj is None else attention.v_proj
    dim = attention.head_dim
    query = attention.q_norm.weight.expand(attention.q_proj.out_features // dim, dim)
    key = attention.k_norm.weight.expand(attention.k_proj.out_features // dim, dim)
    gate, up = expert.gate_up_proj[0].chunk(2, dim=0)
    before_dense = decoder.pre_feedforward_layernorm.weight
    before_expert = decoder.pre_feedforward_layernorm_2.weight
    rows = [(dense.gate_proj.weight, before_dense), (gate, before_expert)]
    rows += [(dense.up_proj.weight, before_dense), (up, before_expert)]
    qkv = [attention.q_proj.weight, attention.k_proj.weight, values.weight]
    with torch.no_grad():
        return _Layer(
            kind=kind,
            qkv=_folded([(weight, decoder.input_layernorm.weight) for weight in qkv]),
            heads_scale=torch.cat([query, key, torch.ones_like(key)]),
            out=attention.o_proj.weight.detach(),
            gate_up=_folded(rows),
            dense_down=dense.down_proj.weight.detach(),
            expert_down=expert.down_proj[0] * decoder.router.per_expert_scale,
            after_attention=decoder.post_attention_layernorm.weight.detach(),
            after_dense=decoder.post_feedforward_layernorm_1.weight.detach(),
            after_expert=decoder.post_feedforward_layernorm_2.weight.detach(),
            after_both=decoder.post_feedforward_layernorm.weight.detach(),
            encoder_scale=encoder.layer_scalar,
            decoder_scale=decoder.layer_scalar,
        )


def _conditioning(module: Any) -> tuple[Tensor, Tensor]:
    """The matrices of the self-conditioning layer: gate and up as one, and down."""
    scale = module.pre_norm.weight
    with torch.no_grad():
        gate_up = _folded([(module.gate_proj.weight, scale), (module.up_proj.weight, scale)])
        return gate_up, module.down_proj.weight.detach()


def _folded(rows: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Matrices below each other, each with the scale of the norm before it in its columns."""
    wide = [weight.float() * scale.float() for weight, scale in rows]
    return torch.cat(wide).to(rows[0][0].dtype)
