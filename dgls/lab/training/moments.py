"""The optimisers' state of each parameter, as tensors that a run keeps on disk."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


def moments_of(named: Mapping[str, nn.Parameter], optimiser: Optimizer) -> dict[str, Tensor]:
    """Everything that a resumed run needs, as `parameter|field` to tensor."""
    return {
        f"{name}|{field}": torch.as_tensor(value)
        for name, parameter in named.items()
        for field, value in optimiser.state.get(parameter, {}).items()
    }


def restore_moments(
    named: Mapping[str, nn.Parameter], optimiser: Optimizer, moments: Mapping[str, Tensor]
) -> None:
    """Load the tensors of `moments_of`; those of other optimisers' parameters are skipped."""
    own = {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}
    fused = optimiser.defaults.get("fused")
    for key, value in moments.items():
        name, field = key.rsplit("|", 1)
        parameter = named[name]
        if id(parameter) in own:
            # An optimiser that is not fused counts its steps on the CPU.
            kept = value if field == "step" and not fused else value.to(parameter.device)
            optimiser.state[parameter][field] = kept
