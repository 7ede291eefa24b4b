"""Masks on a tiny random model: the text is unchanged, and drafts equal those of training."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest
import torch

from dgls.canvas.fim import FimPrompt
from dgls.checkpoint.adapter import load_adapter
from dgls.errors import CheckpointError
from dgls.inference.causal_model import CausalModel, Drafting
from dgls.inference.control import RunControl
from dgls.inference.drafts import Guess, Plan
from dgls.inference.mask_drafts import MaskDrafts
from dgls.inference.written import Written
from dgls.lab.training.parallel.adapter import Adapter
from dgls.lab.training.parallel.adapter_file import save_adapter
from dgls.lab.training.parallel.base import Base, Cache, clean_states
from dgls.lab.training.parallel.masks import mask_states
from dgls.lab.training.parallel.passes import chained_drafts
from dgls.network.linear import DenseLinear
from dgls.network.qwen2 import Embedding, Qwen2Config, Qwen2Layer, Qwen2Network
from dgls.protocol import FillRequest
from tests.lab.training.parallel.tiny import tiny_base
from tests.support.adapters import SIZE, random_adapter
from tests.support.checkpoints import SOURCE
from tests.support.qwen2 import TOKENS, tiny_causal, tiny_int8, tiny_network


@pytest.fixture(scope="module", params=["fp32", "int8"])
def model(request, tmp_path_factory) -> CausalModel:
    path = tmp_path_factory.mktemp("int8") / "tiny.safetensors"
    network = tiny_network() if request.param == "fp32" else tiny_int8(path)
    found = tiny_causal(network=network)
    found.masks = MaskDrafts(network, random_adapter(network.config, TOKENS))
    return found


def test_reported_drafts_are_accepted_or_refused_by_the_next_pass(
    model: CausalModel,
) -> None:
    model.drafting = Drafting(lookup=False)
    drafted = 0
    for prompt in prompts(model, 6):
        told: list[tuple[int, list[int], list[int]]] = []
        tokens: list[int] = []

        def tell(
            written: Sequence[int],
            refused: Sequence[int],
            ahead: Sequence[int],
            tokens: list[int] = tokens,
            told: list[tuple[int, list[int], list[int]]] = told,
        ) -> None:
            told.append((len(written), list(refused), list(ahead)))
            tokens[:] = written

        model.greedy(prompt, model.ends(3, 24), RunControl(), on_pass=tell)
        for (start, _, ahead), (_, refused, _) in pairwise(told):
            right = len(ahead) - len(refused)
            assert ahead == [*tokens[start : start + right], *refused]
            drafted += len(ahead)
        assert told[-1][2] == []
    assert drafted


def prompts(model: CausalModel, count: int) -> list[FimPrompt]:
    random = Random(1)
    cuts = [random.randrange(1, len(SOURCE)) for _ in range(count)]
    return [model.layout.prompt(FillRequest((SOURCE[:cut], SOURCE[cut:]))) for cut in cuts]


def written(model: CausalModel, prompt: FimPrompt, drafting: Drafting) -> Written:
    model.drafting = drafting
    return model.greedy(prompt, model.ends(3, 24), RunControl())[0]


@pytest.mark.parametrize("lookup", [False, True])
def test_masks_do_not_change_the_text(model: CausalModel, lookup: bool) -> None:
    for prompt in prompts(model, 12):
        plain = written(model, prompt, Drafting(lookup=False, masks=False))
        masked = written(model, prompt, Drafting(lookup=lookup))
        assert (masked.tokens, masked.last) == (plain.tokens, plain.last)
        # In int8 a rounding may differ if the width of a pass changes the last bit.
        assert masked.log_probs == pytest.approx(plain.log_probs, abs=0.1)


class Oracle(MaskDrafts):
    """Masks that know the text."""

    text: tuple[int, ...] = ()

    def drafts(self, states, before, least, ends=lambda tokens: False):
        last = max(i for i, token in enumerate((before, *self.text)) if token == before)
        found = self.text[last : last + len(states)]
        return found, (0.9,) * len(found)


def test_correct_drafts_save_passes(model: CausalModel) -> None:
    random, network = model.masks, model.network
    oracle = Oracle(network, random_adapter(network.config, TOKENS))
    saved = 0
    for prompt in prompts(model, 12):
        plain = written(model, prompt, Drafting(lookup=False, masks=False))
        oracle.text = plain.tokens
        model.masks = oracle
        masked = written(model, prompt, Drafting(lookup=False))
        model.masks = random
        assert masked.tokens == plain.tokens
        saved += plain.passes - masked.passes
    assert saved >= 20


@pytest.mark.parametrize("seen", [0, 1, 3])
def test_tokens_never_see_masks_and_masks_see_only_allowed_tokens(
    model: CausalModel, seen: int
) -> None:
    network, masks = model.network, model.masks.masks
    slots = network.slots(64)
    text, drafts = list(range(20, 32)), (40, 41, 42)
    states = network.read(Plan(drafts, masks, seen).after(text, slots), slots)
    slots = network.slots(64)
    without = network.read(Plan(drafts).after(text, slots), slots)
    torch.testing.assert_close(states[:-4], without, atol=1e-4, rtol=1e-4)
    slots = network.slots(64)
    apart = network.read(Plan(drafts[:seen], masks, seen).after(text, slots), slots)
    torch.testing.assert_close(states[-4:], apart[-4:], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("chances", "expected"),
    [
        ((), (0, 1.0)),
        ((0.9, 0.8), (2, 0.8)),
        ((0.3, 0.2), (0, 0.7)),
        ((0.9, 0.2, 0.1), (1, 0.7)),
    ],
)
def test_masks_follow_the_last_likely_draft_token(chances, expected) -> None:
    count, chance = Guess((1,) * len(chances), chances).right_up_to()
    assert (count, chance) == (expected[0], pytest.approx(expected[1]))


def network_of(base: Base) -> Qwen2Network:
    """The training's base as the network of fills."""
    shape = base.shape
    config = Qwen2Config(
        shape.layers, shape.hidden, shape.heads, shape.kv_heads, shape.ffn, shape.vocabulary
    )
    layers = tuple(
        Qwen2Layer(
            each.attention_norm,
            DenseLinear(each.qkv, each.qkv_bias),
            DenseLinear(each.out),
            each.ffn_norm,
            DenseLinear(each.gate_up),
            DenseLinear(each.down),
        )
        for each in base.layers
    )
    embedding = Embedding(base.embedding, None, torch.float32)
    return Qwen2Network(config, embedding, layers, base.norm, DenseLinear(base.head))


def test_prompt_lookup_continues_after_the_masks() -> None:
    drafted = Guess((1, 2), (0.9, 0.6))
    both = drafted.then(Guess((3, 4, 5), (0.8, 0.5, 0.1)))
    assert both.tokens == (1, 2, 3, 4)
    assert both.chances == pytest.approx((0.9, 0.6, 0.48, 0.3))
    assert Guess().then(drafted) == drafted


def test_a_fill_drafts_the_same_tokens_as_training(tmp_path) -> None:
    whole = tiny_base()
    base = Base(
        whole.shape,
        whole.embedding,
        whole.layers,
        whole.norm,
        whole.head,
        "b" * 64,
        torch.arange(whole.shape.vocabulary),
    )
    adapter = Adapter(base, SIZE, torch.arange(0, 64, 2))
    with torch.no_grad():
        for weight in (*adapter.up.values(), adapter.sampler_out):
            weight.normal_(std=0.2, generator=torch.Generator().manual_seed(3))
    path = tmp_path / "adapter.safetensors"
    save_adapter(adapter, base, {}, path)
    text = [5, 9, 2, 33, 17, 21, 8]
    found = fill_drafts(network_of(base), path, text, after=11)
    expected = training_drafts(base, adapter, text, after=11)
    assert found == expected


def fill_drafts(network: Qwen2Network, path, text: Sequence[int], after: int) -> list[int]:
    masks = MaskDrafts(network, load_adapter(path, "b" * 64))
    slots = network.slots(16)
    states = network.read(Plan(masks=masks.masks).after(text, slots), slots)
    return list(masks.drafts(states[-SIZE.masks :], after, least=0.0)[0])


def training_drafts(base: Base, adapter: Adapter, text: Sequence[int], after: int) -> list[int]:
    cache = Cache(base, 1, len(text))
    clean_states(base, torch.tensor([text]), cache)
    with torch.no_grad():
        states = mask_states(base, adapter, cache, len(text) - 1, 1)
        rows, _ = chained_drafts(base, adapter, states[:, 0], torch.tensor([after]))
    return rows[0].tolist()


def test_an_adapter_of_other_sizes_is_refused() -> None:
    weights = random_adapter(tiny_network().config, TOKENS)
    broken = dict(weights.matrices)
    del broken["0.qkv.up"]
    for wrong in (
        random_adapter(tiny_network().config, 10_000),
        type(weights)(SIZE, "", weights.draft_ids, weights.mask_embedding, broken, {}),
    ):
        with pytest.raises(CheckpointError, match="sizes do not match its base; fills continue"):
            MaskDrafts(tiny_network(), wrong)
