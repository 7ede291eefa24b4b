"""Models with random weights, made on their device and as large as the published one.

Their output means nothing, but their time and memory are those of real weights, because neither
depends on a weight's value. Only the choice of experts does, and that is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from transformers import DiffusionGemmaConfig, DiffusionGemmaTextConfig

from dgls.checkpoint.assembly import assemble, empty_model, weight_shapes
from dgls.checkpoint.scheme import Held, Scheme, kind_of
from dgls.network.architecture import TextDiffusionGemma, embedded_config
from dgls.network.nf4 import BLOCK, Nf4
from dgls.network.quantization import Rows8

_SPREAD = 0.02
"""The standard deviation of a weight, as the library initialises it."""


def random_model(
    config: DiffusionGemmaConfig,
    scheme: Scheme,
    device: torch.device,
    dtype: torch.dtype,
    seed: int = 0,
) -> TextDiffusionGemma:
    """A model whose weights are drawn on `device`, already in the scheme's format."""
    weights = random_weights(config, scheme, device, dtype, seed)
    return assemble(config, weights, device, quantized=scheme is not Scheme.NONE)


def random_weights(
    config: DiffusionGemmaConfig,
    scheme: Scheme,
    device: torch.device,
    dtype: torch.dtype,
    seed: int = 0,
) -> Iterator[tuple[str, Held]]:
    """The weights of such a model, one after the other, by their names in checkpoints."""
    generator = torch.Generator(device).manual_seed(seed)
    for name, shape in weight_shapes(empty_model(config)).items():
        kind = kind_of(name, shape, scheme)
        if kind is Nf4:
            yield name, _in_4_bits(shape, generator)
        elif kind is Rows8:
            yield name, _in_8_bits(shape, generator)
        else:
            yield name, random_weight(shape, dtype, generator)


def random_weight(shape: torch.Size, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    """A weight of `dtype` on the generator's device: scales are ones, matrices normal."""
    weight = torch.ones(shape, dtype=dtype, device=generator.device)
    return weight if len(shape) == 1 else weight.normal_(0.0, _SPREAD, generator=generator)


def small_config() -> DiffusionGemmaConfig:
    """A small model shape with every feature of the published family."""
    fields: dict[str, Any] = {
        "vocab_size": 512,
        "hidden_size": 128,
        "intermediate_size": 192,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "global_head_dim": 32,
        "num_global_key_value_heads": 1,
        "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
        "num_experts": 16,
        "top_k_experts": 4,
        "moe_intermediate_size": 64,
        "sliding_window": 32,
        "max_position_embeddings": 512,
    }
    return DiffusionGemmaConfig(
        text_config=DiffusionGemmaTextConfig(**fields),
        vision_config=embedded_config().vision_config,
        canvas_length=32,
        image_token_id=7,
        boi_token_id=7,
        eoi_token_id=7,
    )


def _in_4_bits(shape: torch.Size, generator: torch.Generator) -> Nf4:
    """All levels are equally likely, so the values spread about twice as much as the scale."""
    device = generator.device
    packed = torch.empty(*shape[:-1], shape[-1] // 2, dtype=torch.uint8, device=device)
    packed.random_(0, 256, generator=generator)
    blocks = (*shape[:-1], shape[-1] // BLOCK)
    return Nf4(packed, torch.full(blocks, 2 * _SPREAD, dtype=torch.bfloat16, device=device))


def _in_8_bits(shape: torch.Size, generator: torch.Generator) -> Rows8:
    device = generator.device
    steps = torch.empty(shape, dtype=torch.int8, device=device)
    steps.random_(-127, 128, generator=generator)
    # Uniformly drawn steps have the standard deviation 127 / sqrt(3).
    scale = torch.full(shape[:-1], _SPREAD / 73.3, dtype=torch.float32, device=device)
    return Rows8(steps, scale)
