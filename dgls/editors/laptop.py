"""The offer of a larger model, where this machine has none."""

from __future__ import annotations

import importlib
from types import ModuleType

NAME = "qwen2.5-coder-0.5b-instruct"
SIZE = "491 MB"

_STORE = "dgls.checkpoint.store"


def offer() -> str:
    """One line that says how to get a model for a laptop; empty where one is here.

    It is empty, too, where this dgls fetches no models.
    """
    store = _store()
    if store is None or store.path_of(NAME) is not None:
        return ""
    return f"A better model for this machine: dgls model get {NAME} ({SIZE})."


def _store() -> ModuleType | None:
    try:
        return importlib.import_module(_STORE)
    except ModuleNotFoundError:
        return None
