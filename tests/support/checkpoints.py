"""Tiny random checkpoints, so that models are tested without a download."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    DiffusionGemmaConfig,
    DiffusionGemmaForBlockDiffusion,
    DiffusionGemmaTextConfig,
)

from dgls.canvas import chat
from dgls.canvas.infill import SPECIAL_TOKENS
from dgls.checkpoint.metadata import Metadata
from dgls.checkpoint.storage import save_checkpoint
from dgls.network.architecture import TextDiffusionGemma, build, embedded_config

SOURCE = '''def total(items):
    result = 0
    for item in items:
        result += item
    return result


class Basket:
    """Things to buy."""

    def __init__(self, names=None):
        self.names = list(names or ())

    def add(self, name):
        if name not in self.names:
            self.names.append(name)
        return self
'''
"""The text that the tokenizer is trained on."""

VOCABULARY = 400
CHAT_VOCABULARY = 512
WINDOW = 256


def tiny_model(
    seed: int = 0, layers: int = 3, window: int = WINDOW, scale: float = 16.0
) -> TextDiffusionGemma:
    """A random model of the embedded kind with 64 dimensions, in fp32."""
    torch.manual_seed(seed)
    config = embedded_config(
        hidden=64,
        layers=layers,
        heads=4,
        kv_heads=2,
        head_dim=16,
        ffn=96,
        expert_ffn=32,
        vocab=VOCABULARY,
        window=window,
        canvas=16,
    )
    return randomized(build(config), scale)


def published_config(
    experts: int = 4,
    sliding_window: int = 8,
    hidden: int = 32,
    expert_ffn: int = 16,
    layers: int = 3,
) -> DiffusionGemmaConfig:
    """A tiny shape of the published kind: several experts, and a window that is soon exceeded."""
    fields = {
        "vocab_size": CHAT_VOCABULARY,
        "hidden_size": hidden,
        "intermediate_size": 48,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "global_head_dim": 16,
        "num_global_key_value_heads": 1,
        "layer_types": [*["sliding_attention"] * (layers - 1), "full_attention"],
        "num_experts": experts,
        "top_k_experts": 2,
        "moe_intermediate_size": expert_ffn,
        "sliding_window": sliding_window,
        "max_position_embeddings": 2048,
    }
    vision = embedded_config().vision_config
    config = DiffusionGemmaConfig(
        text_config=DiffusionGemmaTextConfig(**fields),
        vision_config=vision,
        canvas_length=16,
        image_token_id=7,
        boi_token_id=7,
        eoi_token_id=7,
    )
    config._attn_implementation = "sdpa"
    config._experts_implementation = "eager"
    return config


def published_model(seed: int = 0, **shape: int) -> TextDiffusionGemma:
    """A random model of the published kind, in fp32."""
    torch.manual_seed(seed)
    return randomized(TextDiffusionGemma(published_config(**shape)), 16.0)


def save_published(
    folder: Path, seed: int = 0, dtype: torch.dtype = torch.float32, **shape: int
) -> Path:
    """Write a folder like the library, including the vision tower; return it."""
    torch.manual_seed(seed)
    model = randomized(DiffusionGemmaForBlockDiffusion(published_config(**shape)), 16.0)
    model.to(dtype).save_pretrained(folder, max_shard_size="100KB")
    save_chat_tokenizer(folder / "tokenizer.json")
    return folder


def randomized(model: torch.nn.Module, scale: float):
    """The model with weights that reveal faults, in eval mode.

    `scale` spreads the embedding, and with it the logits: at the library's own scale a random model
    is equally unsure everywhere. With norms and layer factors of exactly one, a path that forgets
    one of them, or confuses encoder and decoder, would not be noticed.
    """
    with torch.no_grad():
        model.model.decoder.embed_tokens.weight.mul_(scale)
        for tensor in [*model.parameters(), *model.buffers()]:
            if tensor.dim() == 1 and bool((tensor == 1).all()):
                tensor.add_(0.2 * torch.randn_like(tensor))
    return model.eval()


def save_tokenizer(path: Path) -> Path:
    """Write a small byte-level BPE with the special tokens of the embedded model."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([SOURCE], trainer)
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
    return path


def save_chat_tokenizer(path: Path) -> Path:
    """Write a small tokenizer like Gemma's.

    It is BPE over characters with byte fallback, spaces as `▁`, and the control tokens with their
    published ids.
    """
    ids = {0: chat.PAD, 1: chat.EOS, 2: chat.BOS, 50: chat.TOOL, 105: chat.TURN}
    ids[106] = chat.END_OF_TURN
    names = [ids.get(index, f"<unused{index}>") for index in range(107)]
    names += [f"<0x{byte:02X}>" for byte in range(256)]
    learned = Tokenizer(models.BPE())
    learned.normalizer = normalizers.Replace(" ", "▁")
    trainer = trainers.BpeTrainer(vocab_size=CHAT_VOCABULARY - len(names), show_progress=False)
    learned.train_from_iterator(SOURCE.splitlines(keepends=True), trainer)
    found = json.loads(learned.to_str())["model"]
    names += sorted(found["vocab"], key=found["vocab"].get)
    vocabulary = {name: index for index, name in enumerate(names)}
    merges = [tuple(pair) for pair in found["merges"]]
    made = Tokenizer(models.BPE(vocabulary, merges, byte_fallback=True, fuse_unk=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    made.add_special_tokens([*ids.values()])
    made.save(str(path))
    return path


def save_tiny(folder: Path, bits: int = 32, seed: int = 0) -> Path:
    """Write a tiny random checkpoint of the embedded kind and return its folder."""
    tokenizer = save_tokenizer(folder.with_name(folder.name + "-tokenizer.json"))
    metadata = Metadata(name="tiny", window=WINDOW)
    return save_checkpoint(tiny_model(seed), tokenizer, folder, bits, metadata)
