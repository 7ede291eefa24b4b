"""Text as the simple tokens of the n-gram baseline, and tokens as numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TOKEN = re.compile(r"\n[ \t]*|[ \t]+|[^\W\d]\w*|\d+|\"+|'+|[-+*/%&|^~@=<>!:]+|\.+|\S|\s", re.ASCII)
_WHOLE_WORD = re.compile(r"\w+")


def tokenize(text: str) -> list[str]:
    """Words, numbers, operators, runs of white space, and a line ending with the next indentation.

    The tokens joined are the text.
    """
    return _TOKEN.findall(text)


def split_unfinished(prefix: str) -> tuple[list[str], str]:
    """The tokens of `prefix` before a last one that what follows may still lengthen, and that one.

    A half-typed word and the indentation of a begun line are such tokens.
    """
    tokens = tokenize(prefix)
    if tokens and (tokens[-1].isspace() or _WHOLE_WORD.fullmatch(tokens[-1])):
        return tokens[:-1], tokens[-1]
    return tokens, ""


class Vocabulary:
    """Numbers for tokens, from 0 upwards in the order in which they were met."""

    def __init__(self, base: Vocabulary | None = None) -> None:
        self._base = base
        self._start = len(base) if base else 0
        self._ids: dict[str, int] = {}
        self._tokens: list[str] = []

    def __len__(self) -> int:
        return self._start + len(self._tokens)

    def add(self, tokens: Iterable[str]) -> list[int]:
        """The numbers of `tokens`; new ones get the next numbers. The base stays as it is."""
        return [self._number(token) for token in tokens]

    def token(self, number: int) -> str:
        """The token of a number."""
        if self._base is not None and number < self._start:
            return self._base.token(number)
        return self._tokens[number - self._start]

    def find(self, token: str) -> int | None:
        """The number of a token; None for one that was never met."""
        found = self._base.find(token) if self._base is not None else None
        return self._ids.get(token) if found is None else found

    def _number(self, token: str) -> int:
        number = self.find(token)
        if number is None:
            number = len(self)
            self._ids[token] = number
            self._tokens.append(token)
        return number
