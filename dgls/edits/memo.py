"""Caches results for a document as long as the document is kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from dgls.syntax.source import Source

Value = TypeVar("Value")


def once_a_source(function: Callable[[Source], Value]) -> Callable[[Source], Value]:
    """The function with a cache whose results are dropped with their document."""
    known: WeakKeyDictionary[Source, list[Value]] = WeakKeyDictionary()

    @wraps(function)
    def remembered(source: Source) -> Value:
        found = known.get(source)
        if found is None:
            found = known[source] = [function(source)]
        return found[0]

    return remembered
