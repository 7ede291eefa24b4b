"""Disk look-ups that are made at most once for each message of the editor."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass
class Once:
    """Cached results. It lives as long as the message.

    One keystroke needs the same look-ups several times: which settings apply to a document, and
    whether it may be touched.
    """

    _known: dict[Hashable, Any] = field(default_factory=dict)

    def get(self, key: Hashable, look: Callable[[], T]) -> T:
        """The result for `key`, computed by `look` if it is not known."""
        if key not in self._known:
            self._known[key] = look()
        found: T = self._known[key]
        return found
