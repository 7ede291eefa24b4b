"""Cuts prompts out of source files, token by token, like an editor's with healed tokens.

A prompt is a file, the token where the gap begins, and what follows the gap. The text after a gap
is tokenised again, as in an editor, so its first tokens may differ from the file's. Only those are
stored, with the place where both agree again.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

HEAD = 6
"""At most this many tokens after a gap differ from the file's own."""

_TOKENS_PER_CUT = 36
_KINDS = ("line end", "whole line", "lines")
_ODDS = (0.42, 0.25, 0.33)
_LOOK_AHEAD = 160


@dataclass(frozen=True)
class Cuts:
    """Tokenised files and the cuts in them, as arrays for one file.

    `tokens` are all files' tokens one after the other; file f is `bounds[f] .. bounds[f + 1]`. A
    cut has its file (`origin`), the index in `tokens` where the gap begins (`start`) and where the
    tokens continue after it (`resume`), and the tokens in between (`head`, padded with -1).
    `language` is an index into `languages` for each file; `heldout` marks files that are never
    trained on.
    """

    tokens: NDArray[np.int32]
    bounds: NDArray[np.int64]
    language: NDArray[np.int8]
    heldout: NDArray[np.bool_]
    origin: NDArray[np.int32]
    start: NDArray[np.int32]
    resume: NDArray[np.int32]
    head: NDArray[np.int32]
    one_line: NDArray[np.bool_]
    languages: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to cut: its text, its language, and whether it is held out."""

    text: str
    language: str
    heldout: bool


def cut_files(files: Sequence[SourceFile], tokenizer: Tokenizer, seed: int = 0) -> Cuts:
    """Tokenise `files` and draw cuts in them, about one every 36 tokens."""
    rng = random.Random(seed)
    languages = sorted({file.language for file in files})
    tokens: list[NDArray[np.int32]] = []
    bounds = [0]
    found: list[_Cut] = []
    origins: list[int] = []
    for index, file in enumerate(files):
        text = _Tokenised(file.text, tokenizer)
        for _ in range(max(1, len(text.ids) // _TOKENS_PER_CUT)):
            if (cut := text.cut(rng)) is not None:
                found.append(cut.moved(bounds[-1]))
                origins.append(index)
        tokens.append(np.array(text.ids, dtype=np.int32))
        bounds.append(bounds[-1] + len(text.ids))
    return Cuts(
        tokens=np.concatenate(tokens),
        bounds=np.array(bounds, dtype=np.int64),
        language=np.array([languages.index(file.language) for file in files], dtype=np.int8),
        heldout=np.array([file.heldout for file in files]),
        origin=np.array(origins, dtype=np.int32),
        start=np.array([cut.start for cut in found], dtype=np.int32),
        resume=np.array([cut.resume for cut in found], dtype=np.int32),
        head=np.array([cut.padded_head for cut in found], dtype=np.int32),
        one_line=np.array([cut.one_line for cut in found]),
        languages=np.array(languages),
    )


@dataclass(frozen=True, slots=True)
class _Cut:
    """One gap of a file, in tokens: it begins at `start`, and the file continues at `resume`.

    `head` is between its end and `resume`; `one_line` tells whether it lies within a line.
    """

    start: int
    resume: int
    head: tuple[int, ...]
    one_line: bool

    @property
    def padded_head(self) -> tuple[int, ...]:
        """The head, padded to `HEAD` tokens with -1."""
        return self.head + (-1,) * (HEAD - len(self.head))

    def moved(self, by: int) -> _Cut:
        """The same gap, `by` tokens later."""
        return replace(self, start=self.start + by, resume=self.resume + by)


class _Tokenised:
    """A file's text and tokens, with each token's start."""

    def __init__(self, text: str, tokenizer: Tokenizer) -> None:
        encoded = tokenizer.encode(text, add_special_tokens=False)
        self.text, self.tokenizer, self.ids = text, tokenizer, encoded.ids
        self.starts = [start for start, _ in encoded.offsets]
        self.at = {start: index for index, start in reversed(list(enumerate(self.starts)))}
        self.ends = [i for i, char in enumerate(text) if char == "\n"] + [len(text)]

    def cut(self, rng: random.Random) -> _Cut | None:
        """A gap of some kind at some line; None if there is none."""
        line = rng.randrange(len(self.ends))
        begin = self.ends[line - 1] + 1 if line else 0
        end = self.ends[line]
        content = self.text[begin:end]
        if not content.strip():
            return None
        kind = rng.choices(_KINDS, _ODDS)[0]
        inside = kind == "line end" or (kind == "lines" and rng.random() < 0.5)
        start = self._inside(begin, end, rng) if inside else self.at.get(begin)
        if start is None:
            return None
        if kind == "lines":
            end = self.ends[min(line + rng.randint(1, 5), len(self.ends) - 1)]
        resumed = self._resume(end)
        return None if resumed is None else _Cut(start, *resumed, one_line=kind != "lines")

    def _inside(self, begin: int, end: int, rng: random.Random) -> int | None:
        """A token of the line that starts after its indentation."""
        content = self.text[begin:end]
        first = begin + len(content) - len(content.lstrip())
        places = [i for i in range(first, end) if i in self.at]
        return self.at[rng.choice(places)] if places else None

    def _resume(self, end: int) -> tuple[int, tuple[int, ...]] | None:
        """Where the file's tokens continue after a gap ending at `end`, and the tokens before."""
        if end == len(self.text):
            return len(self.ids), ()
        after = self.tokenizer.encode(self.text[end : end + _LOOK_AHEAD], add_special_tokens=False)
        for count, (offset, _) in enumerate(after.offsets[: HEAD + 1]):
            index = self.at.get(end + offset)
            same = min(4, len(after.ids) - count - 1)
            if index is None or same <= 0:
                continue
            if self.ids[index : index + same] == after.ids[count : count + same]:
                return index, tuple(after.ids[:count])
        return None
