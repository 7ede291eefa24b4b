"""The model for edits by instruction. Light, so that an editor's server can ask."""

from __future__ import annotations

import os

from dgls.checkpoint.automatic_model import AUTO, EMBEDDED
from dgls.checkpoint.catalogue import Entry, catalogue, is_listed, size_text
from dgls.checkpoint.store import present
from dgls.config import Settings, changed
from dgls.errors import ModelNotFoundError

MIN_PARAMETERS = 1_000_000_000
"""Smaller models rarely follow instructions (`docs/evaluation.md`)."""

PARAMETERS_A_CORE = 2_000_000_000
"""With at most this many parameters per core, an edit of a function takes less than a minute."""


def edit_settings(settings: Settings) -> Settings:
    """The settings of the engine that edits by instruction; unchanged if one model does both.

    Raises `ModelNotFoundError`, which names a model to fetch, if no model here can edit.
    """
    if settings.edits.model != AUTO:
        return changed(settings, {"model.name": settings.edits.model})
    if settings.engine.backend != "local":
        return settings
    return changed(settings, {"model.name": editing_model(settings.model.name)})


def editing_model(used: str) -> str:
    """The name of the editing model when `used` fills.

    A model that the user named and that is not in the catalogue is assumed to edit.
    """
    if used not in {AUTO, EMBEDDED} and not is_listed(used):
        return used
    here = [entry for entry in present() if can_edit(entry)]
    if not here:
        least = min(filter(can_edit, catalogue()), key=lambda entry: entry.bytes)
        raise ModelNotFoundError(
            "No model on this machine can edit by instruction; this needs a larger one. "
            f"Nothing was changed. Fetch one: dgls model get {least.name} "
            f"({size_text(least.bytes)})"
        )
    quick = [each for each in here if each.parameters <= PARAMETERS_A_CORE * _cores()]
    return max(quick or [min(here, key=_size)], key=_size).name


def can_edit(entry: Entry) -> bool:
    """Whether a model of the catalogue follows instructions."""
    return "instruct" in entry.name and entry.parameters >= MIN_PARAMETERS


def _size(entry: Entry) -> int:
    return entry.parameters


def _cores() -> int:
    return os.cpu_count() or 1
