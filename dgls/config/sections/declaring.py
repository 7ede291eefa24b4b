"""How one setting of a section is declared: its default, meaning, range and who may set it."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

AUTO: Literal["auto"] = "auto"
"""The value that leaves a number to dgls."""


def setting(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    project: bool = True,
    only_lower: bool = False,
    patterns: bool = False,
    identity: bool = False,
    number: type[int] | type[float] | None = None,
) -> Any:
    """One field: what it means, its range or choices, whether a project may set it or `only_lower`
    it, whether its texts are `patterns`, whether another value makes it another engine, and the
    kind of `number` that it may be instead of `auto`."""
    metadata = {"doc": doc, "low": low, "high": high, "choices": choices, "project": project}
    metadata |= {"only_lower": only_lower, "patterns": patterns, "identity": identity}
    return field(default=default, metadata={**metadata, "number": number})


def number_or_auto(low: float, doc: str, *, high: float | None = None) -> Any:
    """A whole number, `auto` unless the user sets it."""
    return setting(AUTO, doc, low=low, high=high, number=int)


def knob(number: type[int] | type[float], low: float, high: float, doc: str) -> Any:
    """A number of the denoise loop, `auto` unless the user sets it."""
    return setting(AUTO, doc, low=low, high=high, project=False, identity=True, number=number)
