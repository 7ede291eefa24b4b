"""Which tokens end a fill, which have a line break, and which may be drafted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dgls.canvas.fim import ENDS_OF_MIDDLE, MIDDLE, PREFIX, SUFFIX
from dgls.errors import CheckpointError
from dgls.lab.training.parallel.base import Base
from dgls.lab.training.parallel.cuts import Cuts

MARKS = (PREFIX, MIDDLE, SUFFIX)
"""The special tokens of a prompt."""

_NEWLINE = "\u010a"
"""The line feed in the byte-level alphabet."""


@dataclass(frozen=True)
class Vocabulary:
    """The properties of tokens for training, by the base's rows.

    `ends` and `newlines` [vocabulary] are true for such tokens; `draft_rows` [drafts] may be
    drafted, and `draft_index` [vocabulary] is a token's index among them, -1 for the others.
    `marks` are the rows of `MARKS`.
    """

    ends: Tensor
    newlines: Tensor
    draft_rows: Tensor
    draft_index: Tensor
    marks: tuple[int, ...]

    def to(self, device: torch.device) -> Vocabulary:
        """The same on `device`."""
        return Vocabulary(
            self.ends.to(device),
            self.newlines.to(device),
            self.draft_rows.to(device),
            self.draft_index.to(device),
            self.marks,
        )


def vocabulary_of(base: Base, tokens: list[str], cuts: Cuts, drafts: int) -> Vocabulary:
    """The vocabulary of `base`, whose token strings are `tokens`.

    The corpus's most frequent `drafts` tokens may be drafted, including ends. Raises
    `CheckpointError` for a base that cannot fill in the middle.
    """
    ids = base.token_ids.cpu()
    if missing := [mark for mark in MARKS if mark not in tokens]:
        raise CheckpointError(
            f"The base has no token {missing[0]}, so it does not fill in the middle; nothing was "
            f"trained. Take a base of `dgls model list`."
        )
    marks = tuple(map(tokens.index, MARKS))
    ends = torch.tensor([token in ENDS_OF_MIDDLE for token in tokens])
    training = ~np.repeat(cuts.heldout, np.diff(cuts.bounds))
    size = int(ids.max()) + 1
    counted = cuts.tokens[training & (cuts.tokens < size)]
    counts = torch.from_numpy(np.bincount(counted, minlength=size))[ids]
    counts[ends] = counts.max() + 1
    rows = counts.argsort(descending=True, stable=True)[: min(drafts, len(ids))].sort().values
    index = torch.full((len(ids),), -1)
    index[rows] = torch.arange(len(rows))
    newlines = torch.tensor([_NEWLINE in token for token in tokens])
    return Vocabulary(ends, newlines, rows, index, marks)
