"""One training step's losses: the canvas under several noise draws, and the causal stream."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import DiffusionGemmaForBlockDiffusion, DynamicCache

from dgls.lab.training.batches import Batch
from dgls.lab.training.corruption import Clean, Corruption, corrupt
from dgls.lab.training.loss import softcapped_cross_entropy


@dataclass(frozen=True, slots=True)
class Objective:
    """How a batch becomes a loss.

    Each prompt is encoded once and its canvas denoised under `draws` independent noise draws.
    `self_conditioning` is the share of examples that see their own first prediction. The causal
    loss on prompt and middle has weight 1, the canvas loss `canvas_weight`: most open positions are
    padding, which is learnt soon, so little of its mean is about tokens.
    """

    corruption: Corruption = field(default_factory=Corruption)
    draws: int = 4
    self_conditioning: float = 0.5
    canvas_weight: float = 2.5


@dataclass(frozen=True, slots=True)
class Losses:
    """Mean cross-entropies in nats per token."""

    canvas: Tensor
    causal: Tensor

    def total(self, objective: Objective) -> Tensor:
        """The loss to minimise."""
        return objective.canvas_weight * self.canvas + self.causal


def losses(
    model: DiffusionGemmaForBlockDiffusion,
    batch: Batch,
    objective: Objective,
    generator: torch.Generator,
) -> Losses:
    """Both losses of one batch, with the noise of `generator` (on the CPU)."""
    cache = DynamicCache()
    hidden = model.model.encoder(input_ids=batch.causal, past_key_values=cache).last_hidden_state
    causal = _causal_loss(model, hidden, batch)
    canvas = _canvas_loss(model, cache, batch, objective, generator)
    return Losses(canvas, causal)


def _causal_loss(model: DiffusionGemmaForBlockDiffusion, hidden: Tensor, batch: Batch) -> Tensor:
    places = torch.arange(1, batch.causal.shape[1], device=hidden.device)
    counted = places < batch.causal_length[:, None]
    return _cross_entropy(model, hidden[:, :-1][counted], batch.causal[:, 1:][counted])


def _canvas_loss(
    model: DiffusionGemmaForBlockDiffusion,
    cache: DynamicCache,
    batch: Batch,
    objective: Objective,
    generator: torch.Generator,
) -> Tensor:
    rows = torch.arange(len(batch.canvas)).repeat_interleave(objective.draws)
    canvas, open_, rank = (x[rows] for x in (batch.canvas, batch.open, batch.rank))
    prompt = batch.causal[rows].cpu()
    clean = Clean(canvas.cpu(), open_.cpu(), rank.cpu(), prompt, model.lm_head.out_features)
    noised = corrupt(clean, objective.corruption, generator).to(canvas.device)
    cache.batch_repeat_interleave(objective.draws)
    decode = _Decoder(model, cache, batch.prompt_length[rows], batch.causal.shape[1])
    conditioned = torch.rand(len(rows), generator=generator) < objective.self_conditioning
    hidden = decode(noised, conditioned.to(canvas.device))
    return _cross_entropy(model, hidden[open_], canvas[open_])


class _Decoder:
    """Runs canvases against the prompts in a padded cache, with or without self-conditioning."""

    def __init__(
        self,
        model: DiffusionGemmaForBlockDiffusion,
        cache: DynamicCache,
        prompt_length: Tensor,
        cached: int,
    ) -> None:
        self._model = model
        self._cache = cache
        self._prompt_length = prompt_length
        self._cached = cached

    def __call__(self, noised: Tensor, conditioned: Tensor) -> Tensor:
        """The last hidden states [batch, canvas, hidden] of the noised canvas."""
        width = noised.shape[1]
        seen = torch.arange(self._cached, device=noised.device) < self._prompt_length[:, None]
        seen = torch.cat([seen, seen.new_ones(len(seen), width)], dim=1)
        mask = seen[:, None, None, :].expand(-1, 1, width, -1)
        arguments = {
            "decoder_input_ids": noised,
            "past_key_values": self._cache,
            "decoder_attention_mask": {"full_attention": mask, "sliding_attention": mask},
            "decoder_position_ids": self._prompt_length[:, None]
            + torch.arange(width, device=noised.device),
        }
        guess = self._guess(arguments) if bool(conditioned.any()) else None
        states: Tensor = self._model.model.decoder(
            **arguments, self_conditioning_logits=guess, self_conditioning_mask=conditioned
        ).last_hidden_state
        return states

    @torch.no_grad()
    def _guess(self, arguments: dict[str, object]) -> Tensor:
        hidden = self._model.model.decoder(**arguments).last_hidden_state
        cap = self._model.final_logit_softcapping
        return torch.tanh(self._model.lm_head(hidden) / cap) * cap


def _cross_entropy(
    model: DiffusionGemmaForBlockDiffusion, hidden: Tensor, targets: Tensor
) -> Tensor:
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        hidden = hidden.to(torch.get_autocast_dtype(device))
    cap = model.final_logit_softcapping
    return softcapped_cross_entropy(hidden, model.lm_head.weight, targets, cap)
