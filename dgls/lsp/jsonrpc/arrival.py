"""The open documents as they were when a message arrived, for handlers that start later."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType

from dgls.lsp.documents import Document


@dataclass
class Arrival:
    """The open documents, by the keys of their URIs, as they were when a message arrived.

    Every timer and task that is made for a message holds on to this, also when it was cancelled,
    until its time would have come. So it lets go of the documents when the message is dealt with.
    """

    documents: Mapping[str, Document] = field(default_factory=lambda: MappingProxyType({}))

    def end(self) -> None:
        """Let go of the documents."""
        self.documents = MappingProxyType({})


on_arrival: ContextVar[Arrival] = ContextVar("documents on arrival")


def arrival() -> Arrival:
    """The open documents when the current message arrived; empty outside a message."""
    return on_arrival.get(Arrival())
