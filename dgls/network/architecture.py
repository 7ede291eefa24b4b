"""The model class and the shape of the embedded model: a small DiffusionGemma with one expert."""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import (
    DiffusionGemmaConfig,
    DiffusionGemmaForBlockDiffusion,
    DiffusionGemmaTextConfig,
)

from dgls.network.single_expert import SINGLE_EXPERT

_NO_VISION = {
    "model_type": "gemma4_vision",
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "position_embedding_size": 16,
}
"""The class requires a vision tower; the smallest one is built and then removed."""


class TextDiffusionGemma(DiffusionGemmaForBlockDiffusion):  # type: ignore[no-untyped-call]
    """DiffusionGemma without its vision tower, which dgls neither stores, loads nor uses.

    The keys and results for text are those of `DiffusionGemmaForBlockDiffusion`.
    """

    _keys_to_ignore_on_load_unexpected = [r"vision_tower\.", r"embed_vision\."]  # noqa: RUF012

    def __init__(self, config: DiffusionGemmaConfig) -> None:
        super().__init__(config)
        self.model.encoder.vision_tower = None
        self.model.encoder.embed_vision = None


def embedded_config(
    *,
    hidden: int = 256,
    layers: int = 6,
    heads: int = 4,
    kv_heads: int = 4,
    head_dim: int = 64,
    ffn: int = 768,
    expert_ffn: int = 64,
    vocab: int = 8192,
    window: int = 1024,
    canvas: int = 64,
) -> DiffusionGemmaConfig:
    """The shape of an embedded model; `window` and `canvas` in tokens.

    Every layer sees the whole window, so that any layer's cache can be cut back. The ids of special
    tokens are those of `dgls.canvas.infill.SPECIAL_TOKENS`: pad 0, end 1, bos 2, image 7.
    """
    fields: dict[str, Any] = {
        "vocab_size": vocab,
        "hidden_size": hidden,
        "intermediate_size": ffn,
        "num_hidden_layers": layers,
        **_heads(heads, kv_heads, head_dim),
        "layer_types": [*["sliding_attention"] * (layers - 1), "full_attention"],
        "num_experts": 1,
        "top_k_experts": 1,
        "moe_intermediate_size": expert_ffn,
        # One more than the window, because a sliding layer keeps one token less than its width.
        "sliding_window": window + 1,
        "max_position_embeddings": window,
    }
    return DiffusionGemmaConfig(
        text_config=DiffusionGemmaTextConfig(**fields),
        vision_config=dict(_NO_VISION),
        canvas_length=canvas,
        image_token_id=7,
        boi_token_id=7,
        eoi_token_id=7,
    )


def _heads(heads: int, kv_heads: int, head_dim: int) -> dict[str, int]:
    """The same heads in sliding layers and in full ones."""
    return {
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_dim,
        "global_head_dim": head_dim,
        "num_global_key_value_heads": kv_heads,
    }


def build(config: DiffusionGemmaConfig) -> TextDiffusionGemma:
    """A model of that shape in fp32, with random weights from torch's global generator."""
    choose_implementations(config)
    return TextDiffusionGemma(config)


def choose_implementations(config: DiffusionGemmaConfig) -> None:
    """Set the implementations of attention and experts: the fastest that agree with eager."""
    config._attn_implementation = "sdpa"
    if config.get_text_config().num_experts == 1:
        config._experts_implementation = SINGLE_EXPERT


def parameter_count(model: nn.Module) -> int:
    """The number of weights; tied ones count once, as they are stored."""
    return sum(parameter.numel() for parameter in model.parameters())


def config_json(config: DiffusionGemmaConfig) -> dict[str, Any]:
    """The contents of `config.json`, as the library's own class reads and writes it."""
    fields: dict[str, Any] = config.to_dict()
    fields["architectures"] = [DiffusionGemmaForBlockDiffusion.__name__]
    return fields
