"""The training network: cached streams equal whole ones, and masks see only what they may."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from dgls.checkpoint.adapter import AdapterShape
from dgls.lab.training.parallel.adapter import Adapter
from dgls.lab.training.parallel.base import (
    Base,
    Cache,
    after_attention,
    attend,
    clean_states,
    heads_of,
    rotary,
)
from dgls.lab.training.parallel.fills import Fills, greedy_fills
from dgls.lab.training.parallel.masks import mask_states
from dgls.lab.training.parallel.passes import drafted_fills
from tests.lab.training.parallel.tiny import tiny_base, tiny_cuts, tiny_vocabulary

PROMPT = torch.randint(0, 56, (3, 20), generator=torch.Generator().manual_seed(1))


def fills_of(base: Base, tokens: int = 12) -> Fills:
    known = tiny_vocabulary(base, tiny_cuts())
    single = torch.zeros(len(PROMPT), dtype=torch.bool)
    return greedy_fills(base, PROMPT, single, known.ends, known.newlines, tokens)


def trained(base: Base, masks: int = 3) -> Adapter:
    """An adapter in which every part has an effect."""
    adapter = Adapter(base, AdapterShape(masks, rank=4, sampler=32), torch.arange(64))
    generator = torch.Generator().manual_seed(3)
    for parameter in adapter.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return adapter


def test_reading_token_by_token_equals_reading_at_once() -> None:
    base = tiny_base()
    fills = fills_of(base)
    text = torch.cat((PROMPT, fills.tokens), dim=1)
    whole = clean_states(base, text, Cache(base, len(text), text.shape[1]))
    torch.testing.assert_close(whole[:, 19:-1], fills.states, atol=1e-4, rtol=1e-3)
    assert torch.equal(F.linear(whole[:, 19:-1], base.head).argmax(-1), fills.tokens)


@pytest.mark.parametrize("anchor", [0, 3, 7])
def test_masks_after_many_anchors_equal_masks_after_one(anchor: int) -> None:
    """A batch of anchors equals reading clean tokens and then each anchor's masks separately."""
    base = tiny_base()
    fills, adapter = fills_of(base), trained(base)
    rows = torch.arange(len(PROMPT))
    with torch.no_grad():
        many = mask_states(base, adapter, fills.cache.rows(rows, 20 + 8), 19, 8)
        alone = one_by_one(base, adapter, torch.cat((PROMPT, fills.tokens[:, :anchor]), dim=1))
    torch.testing.assert_close(many[:, anchor], alone, atol=1e-4, rtol=1e-3)


def one_by_one(base: Base, adapter: Adapter, clean: torch.Tensor) -> torch.Tensor:
    """Masks after `clean` by a plain causal pass over both, with the LoRA on the mask rows."""
    n, masks = clean.shape[1], adapter.size.masks
    words = F.embedding(clean, base.embedding)
    x = torch.cat((words, adapter.mask_embedding.expand(len(clean), -1, -1)), dim=1)
    cos, sin = rotary(base.shape, torch.arange(n + masks))
    gate = (torch.arange(n + masks) >= n)[:, None]
    seen = torch.ones(n + masks, n + masks).tril().log()
    for index, layer in enumerate(base.layers):
        term = adapter.extra(index)

        def gated(name: str, rows: torch.Tensor, term=term) -> torch.Tensor:  # type: ignore[no-untyped-def]
            return torch.where(gate, term(name, rows), 0.0)

        q, k, v = heads_of(base, layer, x, cos, sin, gated)
        x = after_attention(base, layer, x, attend(q, k, v, seen), gated)
    return F.rms_norm(x, (base.shape.hidden,), base.norm, base.shape.eps)[:, n:]


def test_a_fill_ends_with_its_first_end_or_line_end() -> None:
    base = tiny_base()
    known = tiny_vocabulary(base, tiny_cuts())
    whole = fills_of(base)
    newlines = torch.zeros(64, dtype=torch.bool)
    newlines[whole.tokens[0, 4]] = True
    single = torch.tensor([True, False, False])
    fills = greedy_fills(base, PROMPT, single, torch.zeros_like(known.ends), newlines, 12)
    first = whole.tokens[0].tolist().index(int(whole.tokens[0, 4])) + 1
    assert fills.lengths.tolist() == [first, 12, 12]


def test_there_are_as_many_drafts_as_places_in_the_fill() -> None:
    base = tiny_base()
    fills = fills_of(base)
    for drafted, length in zip(
        drafted_fills(base, trained(base), fills), fills.lengths.tolist(), strict=True
    ):
        assert len(drafted.fill) == len(drafted.drafts) == length
        assert all(0 < chance <= 1 for chances in drafted.chances for chance in chances)
