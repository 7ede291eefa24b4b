"""Which model fills where the settings leave it open. Light, so that an editor's status can ask."""

from __future__ import annotations

import os

from dgls.checkpoint.catalogue import Entry, catalogue, size_text
from dgls.checkpoint.store import present

AUTO = "auto"
"""Leaves a choice to dgls. As a model's name: the best that is here and runs in time here."""

EMBEDDED = "embedded"
"""The name of the model that comes with dgls."""

EMBEDDED_CHECKPOINT = "dgls-embedded"
"""What that model calls itself."""

PARAMETERS_A_CORE = 300_000_000
"""So many parameters a core still fill a line while one types (`docs/performance.md`)."""


def automatic() -> str:
    """The name of the largest model that is here and quick enough, else of the embedded one."""
    best = max(filter(is_quick, present()), key=lambda entry: entry.parameters, default=None)
    return best.name if best else EMBEDDED


def is_quick(entry: Entry) -> bool:
    """Whether a model's fills are ready while one types, on this machine's cores."""
    return entry.parameters <= PARAMETERS_A_CORE * (os.cpu_count() or 1)


def why_automatic() -> str:
    """Why `automatic` chooses what it does, in one sentence."""
    here, chosen = present(), automatic()
    if chosen != EMBEDDED:
        larger = [entry.name for entry in here if not is_quick(entry)]
        slow = f"; {', '.join(larger)} would be too slow to type with" if larger else ""
        return (
            "the largest model on this machine that keeps up with typing on "
            f"{os.cpu_count()} cores{slow}"
        )
    if here:
        return "the fetched models are too slow to type with on this machine"
    return "no laptop model has been fetched"


def offer() -> str:
    """What `dgls model get` would bring, in one line.

    "" where a laptop model is here, and where each would be too slow to type with.
    """
    quick = [entry for entry in catalogue() if is_quick(entry)]
    if present() or not quick:
        return ""
    entry = min(quick, key=lambda each: (not each.is_pinned, each.bytes))
    size = size_text(entry.bytes)
    return f"A better model for this machine: dgls model get {entry.name} ({size})."
