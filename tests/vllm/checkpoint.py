"""A tiny random DiffusionGemma in the form that vLLM loads."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import DiffusionGemmaConfig, DiffusionGemmaTextConfig

from dgls.network.architecture import TextDiffusionGemma, embedded_config
from tests.support.checkpoints import randomized, save_tokenizer

CANVAS = 64
VOCABULARY = 512
SLIDING = 512
"""The window of its sliding layers, which the prompts of most tests do not exceed."""

SAMPLER = {
    "max_denoising_steps": 48,
    "t_min": 0.4,
    "t_max": 0.8,
    "stability_threshold": 1,
    "confidence_threshold": 0.005,
    "sampler_config": {"_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": 0.1},
}
"""The published checkpoint's values, which vLLM reads from `generation_config.json`."""

CHAT_TOKENS = (
    *("<bos>", "<eos>", "<|turn>", "<turn|>", "<|tool_response>"),
    *("<|image>", "<|image|>", "<image|>"),
)
"""The published tokenizer's tokens for turns and images, by its own names."""


def save_served(folder: Path, seed: int = 0) -> Path:
    """Write the checkpoint in fp32 and return its folder.

    Its tokenizer has the special tokens of both layouts, so that either can be tested.
    """
    torch.manual_seed(seed)
    tokenizer = _save_tokenizer(folder)
    model = randomized(TextDiffusionGemma(_config(tokenizer)), 16.0)
    # The class has a factor for each layer of each of its two streams; vLLM keeps one for both.
    streams = model.model.decoder.layers, model.model.encoder.language_model.layers
    for decoder, encoder in zip(*streams, strict=True):
        encoder.layer_scalar.copy_(decoder.layer_scalar)
    model.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["architectures"] = ["DiffusionGemmaForBlockDiffusion"]
    _write(folder / "config.json", config)
    _write(folder / "generation_config.json", SAMPLER)
    return folder


def _config(tokenizer: Tokenizer) -> DiffusionGemmaConfig:
    text = DiffusionGemmaTextConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        global_head_dim=64,
        num_global_key_value_heads=1,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        num_experts=4,
        top_k_experts=2,
        moe_intermediate_size=32,
        sliding_window=SLIDING,
        max_position_embeddings=1024,
    )
    ids = {name: tokenizer.token_to_id(name) for name in CHAT_TOKENS}
    return DiffusionGemmaConfig(
        text_config=text,
        vision_config=embedded_config().vision_config,
        canvas_length=CANVAS,
        image_token_id=ids["<|image|>"],
        boi_token_id=ids["<|image>"],
        eoi_token_id=ids["<image|>"],
    )


def _save_tokenizer(folder: Path) -> Tokenizer:
    path = save_tokenizer(folder / "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.add_special_tokens(list(CHAT_TOKENS))
    tokenizer.save(str(path))
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<bos>",
            "eos_token": "<eos>",
            "pad_token": "<pad>",
            "image_token": "<|image|>",
            "boi_token": "<|image>",
            "eoi_token": "<image|>",
            "extra_special_tokens": {
                "image_token": "<|image|>",
                "boi_token": "<|image>",
                "eoi_token": "<image|>",
            },
        },
    )
    return tokenizer


def _write(path: Path, fields: dict[str, object]) -> None:
    path.write_text(json.dumps(fields, indent=2), encoding="utf-8")
