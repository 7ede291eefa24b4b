"""How a section declares a setting: its default, meaning, range and who may set it."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

AUTO: Literal["auto"] = "auto"
"""The value that lets dgls choose a number."""


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
    """A field that declares one setting.

    `doc` is its meaning; `low`, `high` and `choices` limit its values. A project may set it if
    `project`, but only lower it if `only_lower`. With `patterns` its texts are file patterns. With
    `identity` another value means another engine. `number` is the type of number that it may have
    instead of `auto`.
    """
    metadata = {"doc": doc, "low": low, "high": high, "choices": choices, "project": project}
    metadata |= {"only_lower": only_lower, "patterns": patterns, "identity": identity}
    return field(default=default, metadata={**metadata, "number": number})


def number_or_auto(low: float, doc: str, *, high: float | None = None) -> Any:
    """A whole number, `auto` unless the user sets it."""
    return setting(AUTO, doc, low=low, high=high, number=int)


def knob(number: type[int] | type[float], low: float, high: float, doc: str) -> Any:
    """A number of the denoise loop, `auto` unless the user sets it."""
    return setting(AUTO, doc, low=low, high=high, project=False, identity=True, number=number)
