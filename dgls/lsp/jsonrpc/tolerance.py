"""Repairs messages of editors that violate the protocol."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from dgls.lsp.documents import NO_VERSION


def cancels_nothing(message: dict[str, Any]) -> bool:
    """Whether a message cancels an id that no request can have."""
    if message.get("method") != types.CANCEL_REQUEST:
        return False
    params = message.get("params")
    return not isinstance(params, dict) or not isinstance(params.get("id"), (int, str))


_VERSIONED = frozenset({types.TEXT_DOCUMENT_DID_OPEN, types.TEXT_DOCUMENT_DID_CHANGE})


def with_version(data: dict[str, Any]) -> dict[str, Any]:
    """A message about a document, with a version and a language if the editor gave none.

    Meaningless parts of its changes are removed: a range of null, and the length beside a range.
    """
    if data.get("method") not in _VERSIONED:
        return data
    params = data.get("params")
    item = params.get("textDocument") if isinstance(params, dict) else None
    if isinstance(params, dict) and isinstance(item, dict):
        version, language = item.get("version"), item.get("languageId")
        item = {
            **item,
            "version": version if _is_version(version) else NO_VERSION,
            "languageId": language if isinstance(language, str) else "",
        }
        params = {**params, "textDocument": item}
        changes = params.get("contentChanges")
        if isinstance(changes, list):
            params["contentChanges"] = [_plain(change) for change in changes]
        return {**data, "params": params}
    return data


def _plain(change: object) -> object:
    if not isinstance(change, dict):
        return change
    return {
        name: value
        for name, value in change.items()
        if name != "rangeLength" and (name, value) != ("range", None)
    }


def _is_version(value: object) -> bool:
    return type(value) is int and NO_VERSION < value < -NO_VERSION


def uri_in(data: dict[str, Any]) -> str:
    """The URI in a notification about a document; "" if there is none."""
    try:
        return str(data["params"]["textDocument"]["uri"])
    except (KeyError, TypeError):
        return ""
