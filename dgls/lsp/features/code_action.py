"""Code actions: fill the gap here, rewrite the selection, apply an edit to its other places.

Listing them asks no model: holes come from the syntax tree, a selection from the editor. The fill
is made when one is chosen (`codeAction/resolve`). Its edit is for the version of the document that
the action was listed for; a changed document gets none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from dgls.errors import DglsError, InputError
from dgls.lsp.context import Feature, RequestContext
from dgls.lsp.documents import Document
from dgls.lsp.features import instruct, next_edit
from dgls.requests.builder import Task, budget_of
from dgls.sound.gap_edit import Work, hole_work, selection_work
from dgls.syntax.holes import holes
from dgls.text.spans import Edit, Span

FILL = "refactor.rewrite.dgls.fill"
REWRITE = "refactor.rewrite.dgls.selection"

MAX_HOLES = 5
"""The most holes that one menu offers."""

SHORTEST_SELECTION = 2
"""In characters. An editor with a block cursor always has one character selected."""


@dataclass(frozen=True, slots=True)
class Target:
    """The target of one action: a hole or a selection in one version of a document.

    It travels to the client and back as `CodeAction.data`. An editor that lets its user choose how
    much of a selection may change adds that as "strength", 0 to 1; without it all may change.
    """

    kind: str
    uri: str
    version: int
    span: Span
    strength: float = 1.0

    def to_data(self) -> dict[str, Any]:
        """The target as JSON."""
        span = [self.span.start, self.span.end]
        return {"kind": self.kind, "uri": self.uri, "version": self.version, "span": span}

    @classmethod
    def of_data(cls, data: Any) -> Target:
        """The target of an action that dgls listed. Raises `JsonRpcInvalidParams`."""
        try:
            start, end = data["span"]
            if type(start) is not int or type(end) is not int:
                raise TypeError(start, end)
            strength = float(data.get("strength", 1.0))
            if not 0 < strength <= 1:
                raise ValueError(strength)
            kind, uri = str(data["kind"]), str(data["uri"])
            return cls(kind, uri, data["version"], Span(start, end), strength)
        except (DglsError, AttributeError, KeyError, TypeError, ValueError, OverflowError):
            raise JsonRpcInvalidParams(
                "This is not a dgls code action; nothing was changed."
            ) from None


async def list_actions(
    context: RequestContext, params: types.CodeActionParams
) -> list[types.CodeAction]:
    """The actions for a range: its holes, and the selection itself. Asks no model."""
    client, document = context.client, context.document(params.text_document.uri)
    if document is None or not client.resolves_edits:
        return []
    actions: list[types.CodeAction] = []
    if _is_asked_for(next_edit.KIND, params.context.only):
        actions = await next_edit.actions(context, document, params.range)
    if _is_asked_for(instruct.KIND, params.context.only):
        actions += instruct.actions(context, document, params.range)
    tags = [types.CodeActionTag.LlmGenerated] if client.knows_tags else None
    return actions + [
        types.CodeAction(title=title, kind=target.kind, data=target.to_data(), tags=tags)
        for title, target in _offers(document, params.range)
        if _is_asked_for(target.kind, params.context.only)
    ]


async def resolve_action(context: RequestContext, action: types.CodeAction) -> types.CodeAction:
    """The action with its edit; without an edit, disabled and with a message.

    Few editors show why an action is disabled, and some do not show a request's error, so the
    reason is also sent as a message.
    """
    target = Target.of_data(action.data)
    try:
        document = _unchanged(context, target)
        context.rules.check(document)
        if target.kind == next_edit.KIND:
            action.edit = await next_edit.edit_of(context, document)
            return action
        work = _work(document, target)
        budget = budget_of(context.rules.settings_for(document).fill)
        task = Task.of_work(work, budget)
        request = context.request(document, task, types.CODE_ACTION_RESOLVE)
        reply = await context.asked.fill(context.explicit_model(), request)
        edit = work.best_edit(task.context, reply.candidates, reply.present)
        if not context.stores.documents.is_current(document):
            raise _changed_since()
        action.edit = _workspace_edit(document, edit)
    except DglsError as error:
        context.model.tell(error)
        if context.client.knows_disabled:
            action.disabled = types.CodeActionDisabled(str(error))
    return action


FEATURES = (
    Feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        list_actions,
        types.CodeActionOptions(
            code_action_kinds=[types.CodeActionKind.RefactorRewrite], resolve_provider=True
        ),
    ),
    Feature(types.CODE_ACTION_RESOLVE, resolve_action),
)


def _offers(document: Document, range_: types.Range) -> Iterator[tuple[str, Target]]:
    """The title and target of each action at a range."""
    source, span = document.source, document.span(range_)
    if source is None or span is None:
        return
    for hole in holes(source, span)[:MAX_HOLES]:
        yield hole.title, Target(FILL, document.uri, document.version, hole.span)
    selected = span.of(document.text)
    if len(selected.strip()) >= SHORTEST_SELECTION:
        yield "Rewrite the selection", Target(REWRITE, document.uri, document.version, span)


def _unchanged(context: RequestContext, target: Target) -> Document:
    """The newest version of the document. Raises `InputError` if the target is of another one."""
    document = context.stores.documents.get(target.uri)
    if document is None or document.version != target.version:
        raise _changed_since()
    return document


def _changed_since() -> InputError:
    return InputError("The document has changed meanwhile, so it was left as it is. Ask again.")


def _work(document: Document, target: Target) -> Work:
    source = document.source
    if source is not None and target.span.end <= len(source.text):
        if target.kind == REWRITE:
            return selection_work(source, target.span, target.strength)
        for hole in holes(source, target.span):
            if hole.span == target.span:
                return hole_work(source, hole)
    raise InputError("There is no gap here; the document was left as it is.")


def _workspace_edit(document: Document, edit: Edit) -> types.WorkspaceEdit:
    """The edit for only this version of the document."""
    text_edit = types.TextEdit(range=document.range(edit.span), new_text=edit.text)
    return types.WorkspaceEdit(
        document_changes=[types.TextDocumentEdit(document.identifier, edits=[text_edit])]
    )


def _is_asked_for(kind: str, only: Sequence[types.CodeActionKind | str] | None) -> bool:
    """Whether a kind is one of those requested; `a.b` is a kind of `a`."""
    wanted = [each.value if isinstance(each, types.CodeActionKind) else each for each in only or ()]
    return not wanted or any(f"{kind}.".startswith(f"{each}.") for each in wanted)
