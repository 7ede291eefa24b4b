"""Edits by instruction: an action that opens an input box, and the command that makes the edit.

An editor that has an input box for them says so (`Client.asks_instructions`). Its command `ASK`
asks the user, then calls the server's `dgls.edit`, and shows the difference before it applies the
edit. For other editors `dgls.edit` applies the edit (`workspace/applyEdit`), after a confirmation
if the editor supports that.
"""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from dgls.errors import InputError
from dgls.lsp.context import Command, RequestContext
from dgls.lsp.convert import field_of, place_of
from dgls.lsp.documents import Document
from dgls.text.diff import unified
from dgls.text.spans import Edit, Span, apply_edits

EDIT = "dgls.edit"
ASK = "dgls.editByInstruction"
"""The editor's own command, which opens the box. Its arguments are a URI and a range."""

KIND = "refactor.rewrite.instruction.dgls"
_TITLE = "Edit by instruction"


def actions(
    context: RequestContext, document: Document, range_: types.Range
) -> list[types.CodeAction]:
    """The action for a selection, if the editor can ask for an instruction."""
    span = document.span(range_)
    if not context.client.asks_instructions or span is None or document.source is None:
        return []
    if not span.of(document.text).strip():
        return []
    command = types.Command(f"{_TITLE} ...", ASK, arguments=[document.uri, range_])
    return [types.CodeAction(title=f"dgls: {_TITLE} ...", kind=KIND, command=command)]


async def edit(context: RequestContext, *arguments: object) -> dict[str, Any]:
    """The edit of a range by an instruction, for this version of the document.

    It is `{"uri", "version", "edit": {"range", "newText"}, "diff", "model"}`. Raises `DglsError` if
    there is none.
    """
    # Only this command needs the module, so `initialize` does not wait for its import.
    from dgls.requests.instruction import InstructedEdit

    document, span, instruction = _asked(context, *arguments)
    context.rules.check(document)
    if document.source is None:
        raise InputError("dgls has no grammar for this document; nothing was changed.")
    settings = context.rules.settings_for(document)
    asked = InstructedEdit.of(document.source, span, instruction, settings.fill)
    request = asked.request(context.asker(document, EDIT))
    reply = await context.asked.fill(context.editing_model(), request)
    made = asked.edit(reply)
    _check_unchanged(context, document)
    text_edit = types.TextEdit(range=document.range(made.span), new_text=made.text)
    if not context.client.asks_instructions:
        await context.apply(_workspace_edit(context, document, text_edit), _TITLE)
    return {
        "uri": document.uri,
        "version": document.version,
        "edit": text_edit,
        "diff": _diff(context, document, made),
        "model": reply.model,
    }


COMMAND = Command(EDIT, edit)


def _asked(context: RequestContext, *arguments: object) -> tuple[Document, Span, str]:
    """The document, span and instruction in the arguments. Raises `InputError`."""
    uri, range_, instruction = (*arguments, None, None, None)[:3]
    document = context.document(uri) if isinstance(uri, str) else None
    wanted = _range(range_)
    if not isinstance(instruction, str) or wanted is None:
        raise InputError(f"'{EDIT}' takes a URI, a range and an instruction; nothing was changed.")
    span = document.span(wanted) if document is not None else None
    if document is None or span is None:
        raise InputError("There is no such place in an open document; nothing was changed.")
    return document, span, instruction


def _range(value: object) -> types.Range | None:
    """The range in an argument; None for anything else."""
    start, end = (place_of(field_of(value, name)) for name in ("start", "end"))
    return None if start is None or end is None else types.Range(start, end)


def _check_unchanged(context: RequestContext, document: Document) -> None:
    if not context.stores.documents.is_current(document):
        raise InputError("The document has changed meanwhile, so it was left as it is. Ask again.")


def _diff(context: RequestContext, document: Document, made: Edit) -> str:
    name = context.rules.path_in_project(document.path)
    return unified(name, document.text, apply_edits(document.text, [made]))


def _workspace_edit(
    context: RequestContext, document: Document, edit: types.TextEdit
) -> types.WorkspaceEdit:
    """The edit for only this version, with a confirmation if the editor supports it."""
    if not context.client.confirms_edits:
        changes = types.TextDocumentEdit(document.identifier, edits=[edit])
        return types.WorkspaceEdit(document_changes=[changes])
    annotated = types.AnnotatedTextEdit(_TITLE, range=edit.range, new_text=edit.new_text)
    changes = types.TextDocumentEdit(document.identifier, edits=[annotated])
    annotation = types.ChangeAnnotation(label=_TITLE, needs_confirmation=True)
    return types.WorkspaceEdit(document_changes=[changes], change_annotations={_TITLE: annotation})
