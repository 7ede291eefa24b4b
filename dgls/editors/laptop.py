"""The offer of a larger model, where this machine has none."""

from __future__ import annotations

from dgls.checkpoint.catalogue import catalogue
from dgls.checkpoint.store import present

NAME = "qwen2.5-coder-0.5b-instruct"
"""The smallest model that fills gaps well on a laptop."""


def offer() -> str:
    """One line that says how to get a model for a laptop; empty where one is here."""
    if present():
        return ""
    size = next(entry.bytes for entry in catalogue() if entry.name == NAME)
    return f"A better model for this machine: dgls model get {NAME} ({size / 1e6:.0f} MB)."
