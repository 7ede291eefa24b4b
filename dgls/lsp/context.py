"""The argument of every feature: the session at the time of a message, and its tools."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lsprotocol import types

from dgls.lsp.asked import Asked
from dgls.lsp.client_side import Client
from dgls.lsp.convert import key_of
from dgls.lsp.counts import Counts
from dgls.lsp.documents import Document, Documents
from dgls.lsp.fills import Fills
from dgls.lsp.indicator import Indicator
from dgls.lsp.permission import Permission
from dgls.lsp.ripples import Ripples
from dgls.lsp.rules import Rules
from dgls.lsp.shared_model import SharedModel
from dgls.lsp.surroundings import Surroundings
from dgls.lsp.typist import Typists
from dgls.protocol import FillRequest, Trigger
from dgls.requests.builder import Asker, Task, limits_of


@dataclass(frozen=True, slots=True)
class Stores:
    """State that lives on between messages: newest documents, shown texts, counts."""

    documents: Documents
    typists: Typists
    counts: Counts
    ripples: Ripples


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One message's view of the session.

    `arrived` has the documents as they were when the message arrived, `stores.documents` the
    newest. `rules` and `client` do not change during the message. `editing_model` returns the model
    for edits by instruction, `explicit_model` the one for explicit requests. `apply` makes the
    client apply an edit.
    """

    client: Client
    arrived: Mapping[str, Document]
    rules: Rules
    stores: Stores
    fills: Fills
    surroundings: Surroundings
    permission: Permission
    indicator: Indicator
    model: SharedModel
    asked: Asked
    show: Callable[[str, types.MessageType], None]
    editing_model: Callable[[], SharedModel]
    explicit_model: Callable[[], SharedModel]
    apply: Callable[[types.WorkspaceEdit, str], Awaitable[None]]

    def document(self, uri: str) -> Document | None:
        """The document as it was when the message arrived; None if it is not open."""
        return self.arrived.get(key_of(uri))

    def request(
        self,
        document: Document,
        task: Task,
        method: str,
        trigger: Trigger = Trigger.EXPLICIT,
    ) -> FillRequest:
        """The request for a task in a document, with the document's neighbours."""
        settings = self.rules.settings_for(document)
        snippets = self.surroundings.snippets(
            document,
            self.stores.documents.now,
            self.client.folders,
            settings.context,
            self.rules.may_read,
        )
        asker = replace(self.asker(document, method), trigger=trigger, snippets=snippets)
        return task.request(asker, limits_of(settings.fill, trigger))

    def asker(self, document: Document, method: str) -> Asker:
        """Identifies this client and document to the engine, without snippets."""
        return Asker(
            client=self.client.id,
            method=method,
            path=self.rules.path_in_project(document.path),
            version=document.version,
        )


@dataclass(frozen=True, slots=True)
class Feature:
    """One LSP method: `answer` gets the context and the method's parameters."""

    method: str
    answer: Callable[[RequestContext, Any], Awaitable[Any]]
    options: Any = None


@dataclass(frozen=True, slots=True)
class Command:
    """One command of `workspace/executeCommand`: `answer` gets its arguments."""

    name: str
    answer: Callable[..., Awaitable[Any]]
