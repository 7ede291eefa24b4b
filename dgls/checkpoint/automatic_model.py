"""The default model if the settings leave it open. Light, so that an editor's status can ask."""

from __future__ import annotations

import os

from dgls.checkpoint.catalogue import Entry, catalogue, size_text
from dgls.checkpoint.store import present

AUTO = "auto"
"""Lets dgls choose. As a model's name: the best one here that is fast enough on this machine."""

EMBEDDED = "embedded"
"""The name of the model that is shipped with dgls."""

EMBEDDED_CHECKPOINT = "dgls-embedded"
"""The name in that model's metadata."""

PARAMETERS_A_CORE = 300_000_000
"""A model with at most this many parameters per core fills a line during typing.

See `docs/performance.md`.
"""


def automatic() -> str:
    """The name of the largest model here that is fast enough, else of the embedded one."""
    best = max(filter(is_quick, present()), key=lambda entry: entry.parameters, default=None)
    return best.name if best else EMBEDDED


def is_quick(entry: Entry) -> bool:
    """Whether a model's fills are fast enough for typing on this machine's cores."""
    return entry.parameters <= PARAMETERS_A_CORE * (os.cpu_count() or 1)


def why_automatic() -> str:
    """The reason for the choice of `automatic`, in one sentence."""
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
    """What `dgls model get` would fetch, in one line.

    "" if a laptop model is here already, or if all are too slow for typing.
    """
    quick = [entry for entry in catalogue() if is_quick(entry)]
    if present() or not quick:
        return ""
    entry = min(quick, key=lambda each: (not each.is_pinned, each.bytes))
    size = size_text(entry.bytes)
    return f"A better model for this machine: dgls model get {entry.name} ({size})."
