"""The shape of `google/diffusiongemma-26B-A4B-it`, for estimates without its weights."""

from __future__ import annotations

from typing import Any

from transformers import DiffusionGemmaConfig, DiffusionGemmaTextConfig

from dgls.network.architecture import embedded_config


def published_config() -> DiffusionGemmaConfig:
    """25.2 billion parameters without the vision tower: 128 experts, 30 layers, canvas 256."""
    fields: dict[str, Any] = {
        "vocab_size": 262_144,
        "hidden_size": 2816,
        "intermediate_size": 2112,
        "num_hidden_layers": 30,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 256,
        "global_head_dim": 512,
        "num_global_key_value_heads": 2,
        "layer_types": [*["sliding_attention"] * 5, "full_attention"] * 5,
        "num_experts": 128,
        "top_k_experts": 8,
        "moe_intermediate_size": 704,
        "sliding_window": 1024,
        "max_position_embeddings": 262_144,
    }
    return DiffusionGemmaConfig(
        text_config=DiffusionGemmaTextConfig(**fields),
        vision_config=embedded_config().vision_config,
        canvas_length=256,
    )
