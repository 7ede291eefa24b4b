"""The base with a LoRA on every linear layer, and its likelihood of a batch's answers.

Examples are packed one after the other: the linear layers read all tokens of a batch at once, the
attention reads each example separately, so there is no padding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from dgls.canvas.fim import ENDS_OF_MIDDLE
from dgls.checkpoint.qwen2.build import LINEARS
from dgls.inference.token_table import TokenTable
from dgls.lab.training.lora.examples import Examples
from dgls.lab.training.parallel.adapter import lora
from dgls.lab.training.parallel.base import (
    Base,
    Extra,
    Shape,
    after_attention,
    heads_of,
    rotary,
)


class LoraTerms(nn.Module):
    """The trained parameters, in fp32 (Hu et al. 2021, arXiv:2106.09685)."""

    def __init__(self, shape: Shape, rank: int, alpha: float, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.scale = alpha / rank
        self.down, self.up = nn.ParameterDict(), nn.ParameterDict()
        for layer in range(shape.layers):
            for part, (inputs, outputs) in _sizes(shape).items():
                drawn = torch.randn((rank, inputs), generator=generator) / math.sqrt(inputs)
                self.down[f"{layer}_{part}"] = nn.Parameter(drawn)
                self.up[f"{layer}_{part}"] = nn.Parameter(torch.zeros(outputs, rank))

    def extra(self, layer: int) -> Extra:
        """The terms of one layer of the base, for `heads_of` and `after_attention`."""

        def term(joined: str, x: Tensor) -> Tensor:
            names = [f"{layer}_{part}" for part in LINEARS[joined]]
            terms = [lora(x, self.down[name], self.up[name]) for name in names]
            return self.scale * torch.cat(terms, dim=-1)

        return term

    def matrices(self) -> dict[str, Tensor]:
        """The matrices by the names of `dgls.checkpoint.qwen2.lora`."""
        found: dict[str, Tensor] = {}
        for key in self.down:
            layer, part = key.split("_", 1)
            found[f"blk.{layer}.{part}.down"] = self.down[key]
            found[f"blk.{layer}.{part}.up"] = self.up[key]
        return found


def _sizes(shape: Shape) -> dict[str, tuple[int, int]]:
    """Inputs and outputs of each linear layer."""
    return {
        "attn_q": (shape.hidden, shape.queries),
        "attn_k": (shape.hidden, shape.kv),
        "attn_v": (shape.hidden, shape.kv),
        "attn_output": (shape.queries, shape.hidden),
        "ffn_gate": (shape.hidden, shape.ffn),
        "ffn_up": (shape.hidden, shape.ffn),
        "ffn_down": (shape.ffn, shape.hidden),
    }


def states_of(base: Base, terms: LoraTerms, ids: Tensor, lengths: Sequence[int]) -> Tensor:
    """The states after the last norm, [n, hidden], of packed texts `ids` [n] with these lengths."""
    positions = torch.cat([torch.arange(length, device=ids.device) for length in lengths])
    cos, sin = rotary(base.shape, positions)
    x = F.embedding(ids[None], base.embedding)
    for index, layer in enumerate(base.layers):
        extra = terms.extra(index)
        heads = heads_of(base, layer, x, cos, sin, extra)
        texts = zip(*(torch.split(each, list(lengths), dim=2) for each in heads), strict=True)
        mixed = [
            F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
            for q, k, v in texts
        ]
        x = after_attention(base, layer, x, torch.cat(mixed, dim=2), extra)
    return F.rms_norm(x[0], (base.shape.hidden,), base.norm, base.shape.eps)


@dataclass(frozen=True)
class Batch:
    """Packed examples on a device.

    `ids` [n] are their tokens, `places` [t] those whose states choose a token of an answer or its
    end, and `targets` [t] the token there; -1 for an end. `one_line` and `owner` [t] tell the kind
    of gap and the example of each target. `held` are the targets that must begin with the end of
    the prefix, each with its possible tokens [vocabulary]. `joined` are the ends of gaps within a
    line, each with the tokens that hold the last token and a line break at once.
    """

    ids: Tensor
    lengths: tuple[int, ...]
    places: Tensor
    targets: Tensor
    one_line: Tensor
    owner: Tensor
    held: tuple[tuple[int, Tensor], ...]
    joined: tuple[tuple[int, Tensor], ...]


class Batcher:
    """Makes batches of examples in the form of the product's stream."""

    def __init__(self, examples: Examples, tokenizer: Tokenizer, base: Base) -> None:
        self._examples = examples
        self._device = base.device
        self._size = base.shape.vocabulary
        self._table = TokenTable(tokenizer, self._size)
        special = [tokenizer.token_to_id(token) for token in ENDS_OF_MIDDLE]
        self.ends = self._marked([each for each in special if each is not None])
        self.line_ends = self.ends | self._marked(self._table.breaking.tolist())
        table = self._table
        self._beginning = lru_cache(maxsize=1024)(lambda rest: self._marked(table.beginning(rest)))
        self._joined = lru_cache(maxsize=1024)(
            lambda last: self._marked(table.starting(table.text_of(last) + b"\n"))
        )

    def batch(self, chosen: NDArray[np.int64]) -> Batch:
        """The chosen examples."""
        examples, at = self._examples, 0
        places: list[int] = []
        targets: list[int] = []
        owner: list[int] = []
        held: list[tuple[int, Tensor]] = []
        joined: list[tuple[int, Tensor]] = []
        for index, example in enumerate(chosen):
            tokens, first = examples.of(example), int(examples.prompt[example])
            answer = tokens[first:].tolist()
            held += [(len(targets) + place, mask) for place, mask in self._held(example, answer)]
            places += range(at + first - 1, at + len(tokens))
            targets += [*answer, -1]
            owner += [index] * (len(answer) + 1)
            if examples.one_line[example]:
                joined.append((len(targets) - 1, self._joined(answer[-1])))
            at += len(tokens)
        owners = self._put(owner)
        return Batch(
            ids=self._put(np.concatenate([examples.of(each) for each in chosen]).tolist()),
            lengths=tuple(examples.lengths[chosen].tolist()),
            places=self._put(places),
            targets=self._put(targets),
            one_line=torch.from_numpy(examples.one_line[chosen]).to(self._device)[owners],
            owner=owners,
            held=tuple(held),
            joined=tuple(joined),
        )

    def _held(self, example: np.int64, answer: Sequence[int]) -> list[tuple[int, Tensor]]:
        """The first tokens of an answer, as far as they write the end of the prefix again."""
        left = int(self._examples.healed[example])
        rest = self._table.join(answer)[:left]
        found: list[tuple[int, Tensor]] = []
        for place, token in enumerate(answer):
            if not rest:
                break
            found.append((place, self._beginning(rest)))
            rest = rest[len(self._table.text_of(token)) :]
        return found

    def _put(self, numbers: Sequence[int]) -> Tensor:
        return torch.tensor(numbers, device=self._device)

    def _marked(self, tokens: Sequence[int]) -> Tensor:
        """True at these tokens, [vocabulary]."""
        found = torch.zeros(self._size, dtype=torch.bool)
        found[list(tokens)] = True
        return found.to(self._device)


@dataclass(frozen=True)
class Judged:
    """The negative log-probability of each target [t] in nats, and whether it is likeliest."""

    nats: Tensor
    right: Tensor


def judged(base: Base, terms: LoraTerms, batcher: Batcher, batch: Batch) -> Judged:
    """The model's losses for a batch's answers, under the rules of the product's stream.

    The prefix is enforced, and any of the ends counts; so does a last token with a line break.
    """
    states = states_of(base, terms, batch.ids, batch.lengths)
    logits = F.linear(states[batch.places], base.head).float()
    for place, allowed in batch.held:
        logits[place] = logits[place].masked_fill(~allowed, float("-inf"))
    whole, best = logits.logsumexp(-1), logits.argmax(-1)
    is_end = batch.targets < 0
    own = logits.gather(1, batch.targets.clamp_min(0)[:, None])[:, 0]
    ends = torch.where(batch.one_line[is_end, None], batcher.line_ends, batcher.ends)
    chance = own.masked_scatter(is_end, _chance_of(logits[is_end], ends)) - whole
    right = best == batch.targets
    right[is_end] = ends.gather(1, best[is_end, None])[:, 0]
    nats = -chance
    if batch.joined:
        end = torch.tensor([place for place, _ in batch.joined], device=logits.device)
        tokens = torch.stack([tokens for _, tokens in batch.joined])
        at_once = _chance_of(logits[end - 1], tokens) - whole[end - 1]
        both = torch.logaddexp(chance[end - 1] + chance[end], at_once)
        nats = nats.index_copy(0, end, chance[end - 1] - both)
        ended = tokens.gather(1, best[end - 1, None])[:, 0]
        right[end - 1] |= ended
        right[end] |= ended
    return Judged(nats, right)


def _chance_of(logits: Tensor, tokens: Tensor) -> Tensor:
    """The logit of writing any of the `tokens` [rows, vocabulary]: [rows]; -inf for none."""
    return logits.masked_fill(~tokens, float("-inf")).logsumexp(-1)
