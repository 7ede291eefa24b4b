"""The editor's own statements: its name, its capabilities, its open folders."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lsprotocol import types

from dgls.lsp.quirks import Quirks, quirks_of

STATUS_OPT_IN = "dglsStatus"
"""A flag in `capabilities.experimental` of clients that want `dgls/status`."""

INSTRUCTION_OPT_IN = "dglsInstruction"
"""A flag of clients with an input box for instructions, which show the edits first."""

EXPLANATION_OPT_IN = "dglsExplanation"
"""A flag of clients that show the answer of `dgls.why`, for which a message is too short."""


@dataclass(frozen=True, slots=True)
class Client:
    """One editor. `id` tells the engine which requests may supersede each other."""

    id: str
    name: str = ""
    capabilities: types.ClientCapabilities = field(default_factory=types.ClientCapabilities)
    folders: tuple[Path, ...] = ()

    @property
    def quirks(self) -> Quirks:
        """How it differs from other editors."""
        return quirks_of(self.name)

    @property
    def wants_status(self) -> bool:
        """Whether it wants the notification `dgls/status`."""
        return self._opted_in(STATUS_OPT_IN)

    @property
    def asks_instructions(self) -> bool:
        """Whether it asks its user for instructions, and shows the resulting edits."""
        return self._opted_in(INSTRUCTION_OPT_IN)

    @property
    def shows_explanations(self) -> bool:
        """Whether it shows the answer of `dgls.why` by itself."""
        return self._opted_in(EXPLANATION_OPT_IN)

    @property
    def confirms_edits(self) -> bool:
        """Whether its user can confirm an edit."""
        workspace = self.capabilities.workspace
        support = workspace.workspace_edit if workspace else None
        return bool(support and support.change_annotation_support)

    @property
    def shows_progress(self) -> bool:
        """Whether to send a progress report: it supports them, and does not want `dgls/status`."""
        window = self.capabilities.window
        return bool(window and window.work_done_progress) and not self.wants_status

    @property
    def has_inline_completion(self) -> bool:
        """Whether it can show a suggestion at the cursor."""
        document = self.capabilities.text_document
        return document is not None and document.inline_completion is not None

    @property
    def reads_markdown(self) -> bool:
        """Whether the preview of a completion may be Markdown."""
        document = self.capabilities.text_document
        item = document.completion.completion_item if document and document.completion else None
        return types.MarkupKind.Markdown in ((item.documentation_format if item else None) or ())

    @property
    def resolves_edits(self) -> bool:
        """Whether it resolves the edit of a code action."""
        support = self._actions.resolve_support if self._actions else None
        return bool(support and "edit" in support.properties)

    @property
    def knows_tags(self) -> bool:
        """Whether a code action may be tagged as made by a model."""
        support = self._actions.tag_support if self._actions else None
        return bool(support and types.CodeActionTag.LlmGenerated in support.value_set)

    @property
    def knows_disabled(self) -> bool:
        """Whether it supports disabled actions, with their reason."""
        return bool(self._actions and self._actions.disabled_support)

    def _opted_in(self, name: str) -> bool:
        experimental = self.capabilities.experimental
        if isinstance(experimental, dict):
            return bool(experimental.get(name))
        return bool(getattr(experimental, name, False))

    @property
    def _actions(self) -> types.CodeActionClientCapabilities | None:
        document = self.capabilities.text_document
        return document.code_action if document else None
