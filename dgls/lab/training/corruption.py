"""The noise that training puts on a canvas: the patterns that the sampler will produce.

Independent noise alone leaves a small model unable to align its words:
its sampler accepts from the left, so the model must have seen canvases that are clean up to a
position and noise from there on, noise between both ends, and nothing but noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Corruption:
    """Odds of each noise pattern (their sum is 1) and of mistakes among the clean positions.

    In an example with mistakes, a share `mistakes` of its clean open positions is replaced, half by
    noise and half by tokens of its own prompt, so that the model learns to repair.
    """

    independent: float = 0.2
    tail: float = 0.45
    ends: float = 0.1
    whole: float = 0.25
    mistake_odds: float = 0.3
    mistakes: float = 0.1

    @property
    def pattern_odds(self) -> tuple[float, ...]:
        """Odds in the order in which `noise_mask` numbers the patterns."""
        return (self.independent, self.tail, self.ends, self.whole)


@dataclass(frozen=True, slots=True)
class Clean:
    """Clean canvases [batch, canvas], and what may become of them.

    The positions `open` [batch, canvas] may be noised. `rank` [batch, canvas] is each open
    position's place in its gap, from 0 at the left to 1 at the right. Noise is any of `vocabulary`
    tokens; `prompt` [batch, prompt] lends wrong ones.
    """

    canvas: Tensor
    open: Tensor
    rank: Tensor
    prompt: Tensor
    vocabulary: int


def corrupt(clean: Clean, corruption: Corruption, generator: torch.Generator) -> Tensor:
    """The noised canvases [batch, canvas]."""
    noised = noise_mask(clean.open, clean.rank, corruption, generator)
    noise = torch.randint(clean.vocabulary, clean.canvas.shape, generator=generator)
    lent, mistaken = _mistakes(clean.prompt, noise, corruption, generator)
    canvas = torch.where(noised, noise, clean.canvas)
    return torch.where(mistaken & clean.open & ~noised, lent, canvas)


def noise_mask(
    open_: Tensor, rank: Tensor, corruption: Corruption, generator: torch.Generator
) -> Tensor:
    """Which positions are noise, bool [batch, canvas]: one pattern and one level per example."""
    batch = open_.shape[0]
    odds = torch.tensor(corruption.pattern_odds, dtype=torch.float32)
    pattern = torch.multinomial(odds, batch, replacement=True, generator=generator)[:, None]
    low, high = torch.rand((2, batch, 1), generator=generator).sort(dim=0).values
    level = torch.rand((batch, 1), generator=generator)
    independent = torch.rand(open_.shape, generator=generator) < level
    # The level is squared because most targets are short: noise from a late position on would cover
    # little but padding.
    tail = rank >= level**2
    ends = (rank >= low) & (rank <= high)
    masks = torch.stack([independent, tail, ends, torch.ones_like(open_)])
    return masks.gather(0, pattern.expand(1, *open_.shape))[0] & open_


def _mistakes(
    prompt: Tensor, noise: Tensor, corruption: Corruption, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """A wrong token for each position [batch, canvas], and where it is to be, if it is clean."""
    chosen = torch.rand((len(noise), 1), generator=generator) < corruption.mistake_odds
    wrong = torch.rand(noise.shape, generator=generator) < corruption.mistakes
    places = torch.randint(prompt.shape[1], noise.shape, generator=generator)
    borrowed = prompt.gather(1, places)
    lent = torch.where(torch.rand(noise.shape, generator=generator) < 0.5, borrowed, noise)
    return lent, chosen & wrong
