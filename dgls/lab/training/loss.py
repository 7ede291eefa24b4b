"""The training objective: flat cross-entropy over the open canvas, and the causal loss.

The vocabulary makes the output layer the most expensive part of a small model. Its loss is
therefore computed in chunks of positions that fit the processor's cache, including gradients, and
the logits are never kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_CHUNK = 512


class _SoftcappedCrossEntropy(torch.autograd.Function):
    """Mean cross-entropy of `cap * tanh(hidden @ weight.T / cap)`, computed with gradients."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, cap: float) -> Tensor:
        total = hidden.new_zeros((), dtype=torch.float32)
        hidden_grad = torch.empty_like(hidden)
        weight_grad = torch.zeros_like(weight, dtype=torch.float32)
        typed = weight.to(hidden.dtype)
        for start in range(0, len(hidden), _CHUNK):
            rows = slice(start, start + _CHUNK)
            squashed = torch.tanh((hidden[rows] @ typed.T).float().div_(cap))
            log_probs = torch.log_softmax(squashed * cap, dim=-1)
            index = targets[rows, None]
            total -= log_probs.gather(1, index).sum()
            # d loss / d logits = (softmax - onehot) * (1 - tanh^2), because the cap cancels out.
            grad = log_probs.exp_()
            grad.scatter_add_(1, index, torch.full_like(index, -1, dtype=grad.dtype))
            grad.mul_(squashed.square_().neg_().add_(1))
            grad = grad.to(hidden.dtype)
            hidden_grad[rows] = grad @ typed
            weight_grad += grad.T @ hidden[rows]
        count = max(1, len(hidden))
        ctx.save_for_backward(hidden_grad.div_(count), weight_grad.div_(count))
        return total / count

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        hidden_grad, weight_grad = ctx.saved_tensors
        return hidden_grad * grads[0], weight_grad * grads[0], None, None


def softcapped_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor, cap: float) -> Tensor:
    """Mean cross-entropy in nats of tied output weights over soft-capped logits.

    `hidden` [positions, hidden], `weight` [vocabulary, hidden], `targets` [positions].
    """
    apply: Callable[..., Tensor] = _SoftcappedCrossEntropy.apply
    return apply(hidden, weight, targets, cap)
