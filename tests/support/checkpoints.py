"""Tiny random checkpoints, so that everything about models is tested without a download."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from dgls.canvas.infill import SPECIAL_TOKENS
from dgls.models.architecture import TextDiffusionGemma, build, embedded_config
from dgls.models.metadata import Metadata
from dgls.models.storage import save_checkpoint

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
WINDOW = 256


def tiny_model(
    seed: int = 0, layers: int = 3, window: int = WINDOW, scale: float = 16.0
) -> TextDiffusionGemma:
    """A random model of 3 layers and 64 dimensions, in fp32.

    `scale` spreads the embedding, and with it the logits: at the library's own scale a random
    model is equally unsure everywhere, and no choice of its sampler would show.
    """
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
    model = build(config).eval()
    with torch.no_grad():
        model.model.decoder.embed_tokens.weight.mul_(scale)
        for parameter in model.parameters():
            # Norm weights of exactly one would hide that a fused path forgets one of them.
            if parameter.dim() == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


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


def save_tiny(folder: Path, bits: int = 32, seed: int = 0) -> Path:
    """Write a tiny random checkpoint and return its folder."""
    tokenizer = save_tokenizer(folder.with_name(folder.name + "-tokenizer.json"))
    metadata = Metadata(name="tiny", window=WINDOW)
    return save_checkpoint(tiny_model(seed), tokenizer, folder, bits, metadata)
