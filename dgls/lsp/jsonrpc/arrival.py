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

    Every timer and task created for a message keeps this object alive, even after its cancellation,
    until its time would have come. So the documents are dropped when the message is handled.
    """

    documents: Mapping[str, Document] = field(default_factory=lambda: MappingProxyType({}))

    def end(self) -> None:
        """Drop the documents."""
        self.documents = MappingProxyType({})


on_arrival: ContextVar[Arrival] = ContextVar("documents on arrival")


def arrival() -> Arrival:
    """The open documents when the current message arrived; empty outside a message."""
    return on_arrival.get(Arrival())
