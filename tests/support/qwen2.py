"""A tiny random Qwen2 with its own tokenizer: in memory, as a GGUF file, as a folder."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import (
    MODEL_ARCH,
    GGMLQuantizationType,
    GGUFWriter,
    TokenType,
    get_tensor_name_map,
    quantize,
)
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import Qwen2Config, Qwen2ForCausalLM

from dgls.canvas.fim import ENDS, ENDS_OF_MIDDLE
from dgls.checkpoint.byte_bpe import byte_bpe
from dgls.checkpoint.qwen2.build import convert, dense_network, open_int8
from dgls.checkpoint.qwen2.source import NAMES, hugging_face_name
from dgls.inference.causal_model import CausalModel
from dgls.inference.drafts import NOTHING, Plan
from dgls.network import qwen2
from dgls.network.qwen2 import Qwen2Network
from dgls.protocol import FillRequest
from tests.support.checkpoints import SOURCE

CPU = torch.device("cpu")
LAYERS = 2
TOKENS = 340
VOCABULARY = 368
"""More than the tokenizer has, as in the published models."""


@cache
def parts_of_tokenizer() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tokens and merges, trained on a few lines of code; the special tokens come last."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENS - len(ENDS_OF_MIDDLE), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([SOURCE], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return (*tokens, *ENDS_OF_MIDDLE), tuple(merges)


def tiny_tokenizer() -> Tokenizer:
    """A byte-level BPE with the special tokens of Qwen2.5-Coder."""
    tokens, merges = parts_of_tokenizer()
    return byte_bpe(tokens, merges, ENDS_OF_MIDDLE)


@cache
def library_model(tied: bool = False, seed: int = 0) -> Qwen2ForCausalLM:
    """The model as transformers runs it, random, with clear choices."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=LAYERS,
        num_attention_heads=8,
        num_key_value_heads=2,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=tied,
    )
    model = Qwen2ForCausalLM(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("norm.weight"):
                weight.uniform_(0.5, 1.5)
            else:
                weight.normal_(std=0.4 if weight.dim() == 2 else 0.2)
    return model


@dataclass(frozen=True)
class TinySource:
    """The weights of a transformers model as a `Qwen2Source`."""

    model: Qwen2ForCausalLM
    names = NAMES

    @property
    def config(self) -> qwen2.Qwen2Config:
        theirs = self.model.config
        return qwen2.Qwen2Config(
            layers=theirs.num_hidden_layers,
            width=theirs.hidden_size,
            heads=theirs.num_attention_heads,
            kv_heads=theirs.num_key_value_heads,
            feed_forward=theirs.intermediate_size,
            vocabulary=theirs.vocab_size,
            rope_base=10_000.0,
            epsilon=theirs.rms_norm_eps,
        )

    def has(self, name: str) -> bool:
        tied = self.model.config.tie_word_embeddings
        return hugging_face_name(name) in self.model.state_dict() and not (
            tied and name == "output.weight"
        )

    def name_of(self, name: str) -> str:
        return name

    def tensor(self, name: str) -> Tensor:
        return self.model.state_dict()[hugging_face_name(name)].detach().clone()

    def tokenizer(self) -> Tokenizer:
        return tiny_tokenizer()


@cache
def tiny_network(tied: bool = False) -> Qwen2Network:
    """The same weights in fp32 in dgls's network."""
    return dense_network(TinySource(library_model(tied)), CPU, torch.float32, quietly)


def tiny_int8(path: Path, tied: bool = False) -> Qwen2Network:
    """The same weights in int8, through the file at `path`."""
    convert(TinySource(library_model(tied)), "tiny", path, quietly)
    return open_int8(path, quietly).network


def tiny_causal(cache_bytes: int = 50_000_000, network: Qwen2Network | None = None) -> CausalModel:
    """The model for fills, with nothing cached."""
    return CausalModel("tiny", network or tiny_network(), tiny_tokenizer(), cache_bytes)


class NoDrafts:
    """A `Drafter` that never proposes anything, so that each pass writes one token."""

    def plan(self, written: Sequence[int]) -> Plan:
        return NOTHING

    def learn(self, states: Tensor, written: Sequence[int]) -> None:
        raise AssertionError("No masks were read.")


def write_folder(folder: Path, tied: bool = False) -> Path:
    """The model in the format of transformers, with `tokenizer.json`."""
    library_model(tied).save_pretrained(folder)
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def write_gguf(
    path: Path,
    tied: bool = False,
    kind: GGMLQuantizationType = GGMLQuantizationType.F32,
    *,
    architecture: str = "qwen2",
    tokens: int = VOCABULARY,
    changed: dict[str, Any] | None = None,
) -> Path:
    """The model in the format of llama.cpp's tools; matrices as `kind`.

    `tokens` is how many the tokenizer has, including padding; `changed` replaces tensors by name.
    """
    model = library_model(tied)
    writer = GGUFWriter(path, architecture)
    config = model.config
    writer.add_context_length(2048)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    _add_tokenizer(writer, tokens)
    names = get_tensor_name_map(MODEL_ARCH.QWEN2, config.num_hidden_layers)
    for theirs, weight in model.state_dict().items():
        name = names.get_name(theirs, try_suffixes=(".weight", ".bias"))
        assert name is not None
        if tied and name == "output.weight":
            continue
        values = (changed or {}).get(name, weight.numpy().astype(np.float32))
        stored = kind if values.ndim == 2 else GGMLQuantizationType.F32
        if stored is GGMLQuantizationType.F32:
            writer.add_tensor(name, values)
        else:
            writer.add_tensor(name, quantize(values, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tokenizer(writer: GGUFWriter, size: int) -> None:
    tokens, merges = parts_of_tokenizer()
    unused = tuple(f"[PAD{index}]" for index in range(len(tokens), size))
    special = [TokenType.CONTROL] * len(ENDS_OF_MIDDLE)
    kinds = [TokenType.NORMAL] * (len(tokens) - len(special)) + special
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([*tokens, *unused][:size])
    writer.add_token_types([*kinds, *[TokenType.UNUSED] * len(unused)][:size])
    writer.add_token_merges(merges)


def quietly(share: float, what: str) -> None:
    """Ignored progress."""


def edited_config(folder: Path, **fields: Any) -> Path:
    """The folder with its `config.json` changed."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return folder


LESSON = """def area(width, height):
    return width * height


def total(items):
    result = 0
    for item in items:
        result += item
    return result
"""
"""The only text that the taught model knows."""

TAUGHT_PAIRS = (
    ("return width * height", "for item in items:"),
    ("return width * height", "result += item"),
)
"""Texts of which it knows the first one if both are missing."""


@cache
def taught_network() -> Qwen2Network:
    """The tiny model after it has learned to fill each place of `LESSON` to the end of its line."""
    model = copy.deepcopy(library_model(tied=False, seed=1))
    examples = _lessons(tiny_causal())
    torch.manual_seed(0)
    for weight in model.parameters():
        weight.data *= 0.25 if weight.dim() == 2 else 1.0
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * (1 - step / _STEPS)
        chosen = [examples[int(i)] for i in torch.randint(len(examples), (8,))]
        longest = max(len(tokens) for tokens, _ in chosen)
        tokens = torch.zeros(len(chosen), longest, dtype=torch.long)
        labels = torch.full_like(tokens, -100)
        for row, (ids, begin) in enumerate(chosen):
            tokens[row, : len(ids)] = torch.tensor(ids)
            labels[row, begin : len(ids)] = torch.tensor(ids[begin:])
        loss = model(tokens, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return dense_network(TinySource(model.eval()), CPU, torch.float32, quietly)


_STEPS = 160


def _lessons(model: CausalModel) -> list[tuple[list[int], int]]:
    """Prompts with their answers, and where each answer begins."""
    end, found = model.codec.token_id(ENDS[0]), []
    for first, second in TAUGHT_PAIRS:
        place, other = LESSON.index(first), LESSON.index(second)
        gaps = (
            LESSON[:place],
            LESSON[place + len(first) : other] + LESSON[other + len(second) :],
        )
        prompt = model.layout.prompt(FillRequest(gaps))
        found.append(([*prompt.tokens, *model.layout.text(prompt, first), end], len(prompt.tokens)))
    places = [match.start() for match in re.finditer(r"(?<=[ (])\b\w|(?<= )[*+=]", LESSON)]
    for place in places:
        stop = LESSON.index("\n", place)
        prompt = model.layout.prompt(FillRequest((LESSON[:place], LESSON[stop:])))
        answer = model.layout.text(prompt, LESSON[place:stop])
        found.append(([*prompt.tokens, *answer, end], len(prompt.tokens)))
    return found
