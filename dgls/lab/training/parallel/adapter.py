"""The adapter: the parameters that mask positions have in addition to the base.

A gated LoRA on every linear layer (only mask rows use it, so the causal stream stays bit-exactly
the same), an embedding for each mask, and a sampler: two layers that read the token drafted before
and the mask's state (arXiv 2507.11851). Drafts come from frequent tokens only.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dgls.checkpoint.adapter import AdapterShape
from dgls.lab.training.parallel.base import Base, Extra, Shape


def linear_sizes(shape: Shape) -> dict[str, tuple[int, int]]:
    """Inputs and outputs of each linear layer."""
    return {
        "qkv": (shape.hidden, shape.queries + 2 * shape.kv),
        "out": (shape.queries, shape.hidden),
        "gate_up": (shape.hidden, 2 * shape.ffn),
        "down": (shape.ffn, shape.hidden),
    }


class Adapter(nn.Module):
    """The trained parameters, in fp32. `draft_rows` are the rows of the head that drafts use."""

    draft_rows: Tensor

    def __init__(self, base: Base, size: AdapterShape, draft_rows: Tensor, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        hidden = base.shape.hidden
        self.size = size
        self.register_buffer("draft_rows", draft_rows.clone())
        mean = base.embedding.float().mean(0).cpu()
        noise = torch.randn((size.masks, hidden), generator=generator)
        self.mask_embedding = nn.Parameter(mean + noise * base.embedding.float().std().cpu())
        self.down, self.up = nn.ParameterDict(), nn.ParameterDict()
        for layer in range(base.shape.layers):
            for name, (inputs, outputs) in linear_sizes(base.shape).items():
                drawn = torch.randn((size.rank, inputs), generator=generator) / math.sqrt(inputs)
                self.down[f"{layer}_{name}"] = nn.Parameter(drawn)
                self.up[f"{layer}_{name}"] = nn.Parameter(torch.zeros(outputs, size.rank))
        inner = torch.randn((size.sampler, 2 * hidden), generator=generator)
        self.sampler_in = nn.Parameter(inner / math.sqrt(2 * hidden))
        self.sampler_out = nn.Parameter(torch.zeros(hidden, size.sampler))

    def extra(self, layer: int) -> Extra:
        """The LoRA terms of one layer of the base, for `heads_of` and `after_attention`."""

        def term(name: str, x: Tensor) -> Tensor:
            return lora(x, self.down[f"{layer}_{name}"], self.up[f"{layer}_{name}"])

        return term

    def sampled_states(self, base: Base, states: Tensor, previous: Tensor) -> Tensor:
        """Mask states [..., hidden] that know the token before, by its row `previous` [...]."""
        before = F.embedding(previous, base.embedding)
        return states + sampler(states, before, self.sampler_in, self.sampler_out)

    def draft_head(self, base: Base) -> Tensor:
        """The base's output matrix over the tokens that may be drafted, [drafts, hidden]."""
        return base.head[self.draft_rows]


def lora(x: Tensor, down: Tensor, up: Tensor) -> Tensor:
    """The low-rank term of a linear layer for rows `x` [..., in]: `x down^T up^T`, [..., out]."""
    return F.linear(F.linear(x, down.to(x.dtype)), up.to(x.dtype))


def sampler(states: Tensor, before: Tensor, inner: Tensor, outer: Tensor) -> Tensor:
    """The sampler's term for mask states, given the embedding of the token before each."""
    hidden = states.shape[-1]
    seen = torch.cat((F.rms_norm(before, (hidden,)), F.rms_norm(states, (hidden,))), dim=-1)
    return F.linear(F.silu(F.linear(seen, inner.to(seen.dtype))), outer.to(seen.dtype))
