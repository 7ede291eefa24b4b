"""Evaluation cases: places in source files with the text that belongs there."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

from dgls.errors import SourceFileError
from dgls.protocol import Gap
from dgls.text.spans import Edit, Span


class Kind(StrEnum):
    """What a gap was cut out of."""

    LINE_END = "line end"
    WHOLE_LINE = "whole line"
    BODY = "body"
    ARGUMENTS = "arguments"
    SPAN = "span"
    SEVERAL = "several"


@dataclass(frozen=True, slots=True)
class Case:
    """One task: fill `gaps` between the `parts` of a file, where `truth` belongs.

    `id` names the same task in every run. `group` is shared by similar cases (of one function or
    file), whose results are correlated. `parts` is the whole file, which a system cuts to what it
    can read. `test` is code that defines `check(candidate)`, called with the function named
    `entry_point`.
    """

    id: str
    group: str
    path: str
    parts: tuple[str, ...]
    gaps: tuple[Gap, ...]
    truth: tuple[str, ...]
    kind: Kind
    test: str | None = None
    entry_point: str = ""

    def document(self, texts: Sequence[str]) -> str:
        """The whole file with `texts` in its gaps."""
        pieces = [self.parts[0]]
        for text, part in zip(texts, self.parts[1:], strict=True):
            pieces += [text, part]
        return "".join(pieces)

    def edits(self, texts: Sequence[str]) -> tuple[Edit, ...]:
        """The edits that turn the true file into the one with `texts` in its gaps."""
        edits: list[Edit] = []
        at = 0
        for part, truth, text in zip(self.parts, self.truth, texts, strict=False):
            at += len(part)
            edits.append(Edit(Span(at, at + len(truth)), text))
            at += len(truth)
        return tuple(edits)

    def program(self, texts: Sequence[str]) -> str | None:
        """The file with `texts` in its gaps and a call of its test; None if it has no test."""
        if self.test is None:
            return None
        return f"{self.document(texts)}\n{self.test}\ncheck({self.entry_point})\n"


def humaneval_cases(path: Path) -> tuple[Case, ...]:
    """The tasks of a HumanEval-Infilling file (Bavarian et al. 2022, arXiv:2207.14255).

    The line ending after the missing line stays in the suffix, as in an editor; the indentation
    before it is part of the gap. Raises `SourceFileError` for any other file.
    """
    cases = tuple(_humaneval_case(row) for row in _rows(path))
    if not cases:
        raise SourceFileError(f"{path} has no tasks; nothing was measured.")
    return cases


def task_texts(path: Path) -> tuple[str, ...]:
    """The full tasks of a HumanEval-Infilling file, and their tests, each text once.

    `Contamination` keeps these out of a training corpus.
    """
    texts: dict[str, None] = {}
    for row in _rows(path):
        texts[row["prompt"] + row["canonical_solution"] + row["suffix"]] = None
        texts[row["test"]] = None
    return tuple(texts)


def sample(cases: Sequence[Case], count: int | None, seed: int) -> tuple[Case, ...]:
    """`count` of the cases in their order, determined by the seed; None for all."""
    if count is None or count >= len(cases):
        return tuple(cases)
    chosen = Random(f"sample:{seed}").sample(range(len(cases)), count)
    return tuple(cases[index] for index in sorted(chosen))


def _humaneval_case(row: dict[str, Any]) -> Case:
    middle: str = row["canonical_solution"]
    truth = middle.removesuffix("\n")
    ending = middle[len(truth) :]
    multiline = "\n" in truth
    task = str(row["task_id"])
    return Case(
        id=task,
        group=task.rpartition("/")[0],
        path=f"{row['entry_point']}.py",
        parts=(row["prompt"], ending + row["suffix"]),
        gaps=(Gap(max_lines=16 if multiline else 1),),
        truth=(truth,),
        kind=Kind.BODY if multiline else Kind.WHOLE_LINE,
        test=row["test"],
        entry_point=row["entry_point"],
    )


_FIELDS = ("task_id", "entry_point", "prompt", "suffix", "canonical_solution", "test")


def _rows(path: Path) -> Iterator[dict[str, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        if not path.exists():
            raise FileNotFoundError("there is no such file")
        if not path.is_file():
            raise OSError("it is not a regular file")
        with opened(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield {name: _text(row[name]) for name in _FIELDS}
    except (
        OSError,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
        zlib.error,
    ) as error:
        raise SourceFileError(
            f"{str(path)[:200]!r} is not a HumanEval-Infilling file ({_why(error)}); nothing "
            f"was measured. Give the JSONL or JSONL.GZ file of that benchmark."
        ) from error


def _text(value: object) -> str:
    """A field as text. Raises `ValueError` if it is not valid Unicode."""
    text = str(value)
    text.encode()
    return text


def _why(error: Exception) -> str:
    what = error.strerror if isinstance(error, OSError) and error.strerror else error
    return f"{type(error).__name__}: {what}"[:200]
