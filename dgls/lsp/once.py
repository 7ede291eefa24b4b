"""What is looked up on the disk at most once for each message of the editor."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass
class Once:
    """Results by what was asked. It lives as long as the message.

    One keystroke asks the same of the disk several times: which settings hold for a document, and
    whether it may be touched.
    """

    _known: dict[Hashable, Any] = field(default_factory=dict)

    def get(self, key: Hashable, look: Callable[[], T]) -> T:
        """The result for `key`, by `look` where it is not known."""
        if key not in self._known:
            self._known[key] = look()
        found: T = self._known[key]
        return found
