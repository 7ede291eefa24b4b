"""The bytes of a model's weights in each scheme, computed from shapes.

`python -m dgls.checkpoint.footprint` prints the table for the published model. `dgls bench gpu`
measures what is needed beside the weights (keys and values of the prompt, one step's logits).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DiffusionGemmaConfig

from dgls.checkpoint.assembly import empty_model, weight_shapes
from dgls.checkpoint.published import published_config
from dgls.checkpoint.scheme import Scheme, kind_of
from dgls.network.nf4 import BLOCK, Nf4
from dgls.network.quantization import Rows8

PARTS: Mapping[str, str] = {
    "experts": ".experts.",
    "attention": ".self_attn.",
    "embedding": ".embed_tokens.",
    "dense MLP": ".mlp.",
    "self-conditioning": ".self_conditioning.",
}
"""The parts of a model by words in their weights' names; all others are "norms and routers"."""

OTHERS = "norms and routers"


@dataclass(frozen=True, slots=True)
class Footprint:
    """The bytes of the weights, by part."""

    parts: Mapping[str, int]

    @property
    def total(self) -> int:
        """The bytes of all weights."""
        return sum(self.parts.values())


def footprints(config: DiffusionGemmaConfig) -> dict[Scheme, Footprint]:
    """The bytes of a model of that shape in each scheme, unquantised weights in bf16."""
    shapes = weight_shapes(empty_model(config))
    return {scheme: _footprint(shapes, scheme) for scheme in Scheme}


def table(footprints: Mapping[Scheme, Footprint]) -> str:
    """GB (of 10^9 bytes) for each part and scheme, as Markdown."""
    schemes = list(footprints)
    lines = [_line(["GB", *schemes]), _line(["---", *("---:" for _ in schemes)])]
    for part in [*PARTS, OTHERS]:
        held = (footprints[scheme].parts[part] for scheme in schemes)
        lines.append(_line([part, *(f"{each / 1e9:.2f}" for each in held)]))
    totals = (f"{footprints[scheme].total / 1e9:.2f}" for scheme in schemes)
    return "\n".join([*lines, _line(["all weights", *totals])])


def _footprint(shapes: Mapping[str, torch.Size], scheme: Scheme) -> Footprint:
    parts = dict.fromkeys([*PARTS, OTHERS], 0)
    for name, shape in shapes.items():
        part = next((part for part, held in PARTS.items() if held in name), OTHERS)
        parts[part] += _bytes(name, shape, scheme)
    return Footprint(parts)


def _bytes(name: str, shape: torch.Size, scheme: Scheme) -> int:
    weights = shape.numel()
    kind = kind_of(name, shape, scheme)
    if kind is Nf4:
        return weights // 2 + 2 * weights // BLOCK
    if kind is Rows8:
        return weights + 4 * weights // shape[-1]
    assert kind is Tensor
    return 2 * weights


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(table(footprints(published_config())))
