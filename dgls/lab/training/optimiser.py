"""The optimisers of a run: Muon for the matrices between layers, AdamW for everything else.

Muon (K. Jordan 2024, in torch since 2.9) orthogonalises the update of a matrix; it needs clearly
fewer steps than AdamW at small sizes. Embeddings, norms and stacked experts use AdamW.
"""

from __future__ import annotations

import torch
from torch import nn

from dgls.lab.training.moments import moments_of, restore_moments
from dgls.lab.training.recipes import Optimisation


class Optimisers:
    """Both optimisers as one. `names` gives every trained parameter's name, in a fixed order."""

    def __init__(self, model: nn.Module, settings: Optimisation) -> None:
        named = dict(model.named_parameters())
        matrices = [p for name, p in named.items() if p.ndim == 2 and "embed" not in name]
        chosen = {id(p) for p in matrices}
        others = [p for p in named.values() if id(p) not in chosen]
        self._settings = settings
        self._named = named
        self._all = [
            torch.optim.Muon(
                matrices,
                lr=settings.matrix_rate,
                weight_decay=settings.weight_decay,
                adjust_lr_fn="original",
            ),
            torch.optim.AdamW(others, lr=settings.vector_rate, betas=(0.9, 0.95), weight_decay=0.0),
        ]

    def step(self, factor: float) -> None:
        """Clip, take one step with all rates times `factor`, and clear the gradients."""
        nn.utils.clip_grad_norm_(self._named.values(), self._settings.clip)
        rates = (self._settings.matrix_rate, self._settings.vector_rate)
        for optimiser, rate in zip(self._all, rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * factor
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def state(self) -> dict[str, torch.Tensor]:
        """Everything that a resumed run needs, as `parameter|field` to tensor."""
        matrices, others = (moments_of(self._named, optimiser) for optimiser in self._all)
        return matrices | others

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Load the tensors of `state`."""
        for optimiser in self._all:
            restore_moments(self._named, optimiser, state)


def rate_factor(settings: Optimisation, step: int, progress: float) -> float:
    """The share of the full rate at `step`, with `progress` 0..1 of the run that is done."""
    warm = min(1.0, (step + 1) / settings.warmup)
    falling = (1.0 - progress) / settings.decay if settings.decay else 1.0
    return max(0.0, min(warm, falling, 1.0))
