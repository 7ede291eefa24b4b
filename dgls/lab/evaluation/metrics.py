"""Measures of one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from dgls.lab.evaluation.cases import Case
from dgls.lab.evaluation.systems import Answer
from dgls.syntax.guard import keeps_syntax
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source


@dataclass(frozen=True, slots=True)
class Scored:
    """One answer and its measures.

    `similarity` is in 0..1. `length_error` is the filled length minus the true one, in characters.
    `passed` tells whether the case's tests passed; None if none were run.
    """

    case: Case
    answer: Answer
    exact: bool
    similarity: float
    syntax: bool
    length_error: int
    passed: bool | None = None

    @property
    def right(self) -> bool:
        """Whether the tests pass or, without tests, the text equals the truth."""
        return self.exact if self.passed is None else self.passed

    @property
    def confidence(self) -> float:
        """The confidence for showing the answer; 0 if a gap would stay empty.

        No editor shows an empty text, however sure a model is that nothing belongs there.
        """
        return self.answer.confidence if all(map(str.strip, self.answer.texts)) else 0.0


def score(case: Case, answer: Answer, passed: bool | None = None) -> Scored:
    """Measure one answer."""
    return Scored(
        case=case,
        answer=answer,
        exact=is_exact(case.truth, answer.texts),
        similarity=similarity(case.truth, answer.texts),
        syntax=syntax_kept(case, answer.texts),
        length_error=sum(map(len, answer.texts)) - sum(map(len, case.truth)),
        passed=passed,
    )


def is_exact(truth: Sequence[str], texts: Sequence[str]) -> bool:
    """Whether every gap has the true text; trailing white space does not count."""
    return [text.rstrip() for text in truth] == [text.rstrip() for text in texts]


def similarity(truth: Sequence[str], texts: Sequence[str]) -> float:
    """One minus the edit distance divided by the longer length (in 0..1), over all gaps."""
    pairs = [(old.rstrip(), new.rstrip()) for old, new in zip(truth, texts, strict=True)]
    longest = sum(max(len(old), len(new)) for old, new in pairs)
    if not longest:
        return 1.0
    return 1.0 - sum(edit_distance(old, new) for old, new in pairs) / longest


def edit_distance(first: str, second: str) -> int:
    """The fewest insertions, deletions and replacements of characters (Levenshtein 1965)."""
    start = 0
    while start < min(len(first), len(second)) and first[start] == second[start]:
        start += 1
    first, second = first[start:], second[start:]
    row = list(range(len(second) + 1))
    for index, char in enumerate(first, 1):
        corner, row[0] = row[0], index
        for column, other in enumerate(second, 1):
            best = min(row[column] + 1, row[column - 1] + 1, corner + (char != other))
            corner, row[column] = row[column], best
    return row[-1]


def syntax_kept(case: Case, texts: Sequence[str]) -> bool:
    """Whether the file with `texts` has no more syntax errors than the true file."""
    if tuple(texts) == case.truth:
        return True
    return keeps_syntax(_true_source(case), case.edits(texts))


@lru_cache(maxsize=8)
def _true_source(case: Case) -> Source:
    return Source.parse(case.document(case.truth), language_of(case.path))
