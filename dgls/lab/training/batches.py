"""Batches of padded tensors that depend only on the seed and the step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from dgls.lab.training.examples import Example, ExampleSource


@dataclass(frozen=True, slots=True)
class Batch:
    """`causal` [batch, causal] is prompt and middle, padded with 0 on the right.

    `prompt_length` and `causal_length` [batch] count its tokens; the canvas sees the prompt only.
    `canvas`, `open` and `rank` [batch, canvas] are as in `corruption.corrupt`.
    """

    causal: Tensor
    prompt_length: Tensor
    causal_length: Tensor
    canvas: Tensor
    open: Tensor
    rank: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`."""
        moved = (getattr(self, name).to(device, non_blocking=True) for name in self.__slots__)
        return Batch(*moved)


def collate(examples: list[Example]) -> Batch:
    """One batch of examples that share a canvas width."""
    rows = [(*example.prompt, *example.middle) for example in examples]
    longest = max(map(len, rows))
    return Batch(
        causal=torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows]),
        prompt_length=torch.tensor([len(example.prompt) for example in examples]),
        causal_length=torch.tensor([len(row) for row in rows]),
        canvas=torch.tensor([example.canvas for example in examples]),
        open=torch.tensor([example.open for example in examples]),
        rank=torch.stack([_rank(example) for example in examples]),
    )


def _rank(example: Example) -> Tensor:
    rank = torch.zeros(len(example.canvas))
    for gap in example.gaps:
        rank[gap.start : gap.end] = torch.linspace(0, 1, len(gap)) if len(gap) > 1 else 0.5
    return rank


class _Steps(Dataset[Batch]):
    """Batch number `step` of a run, determined by the run's seed and the step."""

    def __init__(self, source: ExampleSource, seed: int, size: int, steps: int) -> None:
        self._source, self._seed, self._size, self._steps = source, seed, size, steps

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Batch:
        return collate(self._source.batch(f"{self._seed}:{step}", self._size))


def batches(
    source: ExampleSource, seed: int, size: int, first: int, steps: int, workers: int
) -> Iterator[Batch]:
    """Batches `first` to `steps` of a run, made by `workers` processes (0: by this one)."""
    loader = DataLoader(
        _Steps(source, seed, size, steps),
        batch_size=None,
        sampler=range(first, steps),
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    return iter(loader)
