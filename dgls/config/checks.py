"""Checks which values of a source are valid settings, with one sentence for each that is not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from dgls.config.sections.declaring import AUTO
from dgls.config.settings import DECLARED, Declared
from dgls.config.sources import Source, shortened
from dgls.errors import SettingError
from dgls.patterns import why_it_matches_nothing
from dgls.text.closest import closest, did_you_mean

_MAX_PROBLEMS = 20
"""The most reported problems of one source; a file of thousands would flood the reader."""

_MAX_NAME = 80
"""The most characters of an unknown name that are compared with those of the settings."""

_MAX_PATTERNS, _MAX_PATTERN_CHARS = 2_000, 40_000
"""Limits for one source, because each file is matched with all its patterns."""


def good_values(source: Source, problems: list[SettingError]) -> Iterator[tuple[str, Any]]:
    """The valid settings of a source; the first problems of the others are reported."""
    own: list[SettingError] = []
    for name, value in source.values.items():
        if name not in DECLARED:
            own.append(_unknown(source, name, is_told=len(own) < _MAX_PROBLEMS))
            continue
        try:
            accepted = _accepted(source, name, value)
        except SettingError as problem:
            own.append(problem)
            continue
        if DECLARED[name].patterns:
            accepted = tuple(_useful(source, name, accepted, own))
        yield name, accepted
    problems += own[:_MAX_PROBLEMS]
    if len(own) > _MAX_PROBLEMS:
        more = len(own) - _MAX_PROBLEMS
        problems.append(SettingError(f"{source.name} has {more} more bad settings."))


def _accepted(source: Source, name: str, value: Any) -> Any:
    declared = DECLARED[name]
    if source.is_project and not declared.project:
        raise SettingError(
            f"'{name}' in {source.name} was ignored: a project cannot set it. Set it in your own "
            "dgls.toml or in the environment."
        )
    if declared.number is not None and value == AUTO:
        return AUTO
    kind = declared.number or declared.kind
    converted = _from_text(value, kind) if source.is_text else _typed(value, kind)
    too_low = declared.low is not None and converted is not None and converted < declared.low
    too_high = declared.high is not None and converted is not None and converted > declared.high
    unknown = bool(declared.choices) and converted not in declared.choices
    if converted is None or too_low or too_high or unknown:
        raise SettingError(
            f"'{name}' in {source.name} must be {_wanted(declared)}, not {_shown(value)}; "
            "it was ignored."
        )
    return converted


def _unknown(source: Source, name: str, *, is_told: bool) -> SettingError:
    """The problem of an unknown name; the nearest setting is searched only if it is reported."""
    near = closest(name[:_MAX_NAME], DECLARED) if is_told else ""
    return SettingError(
        f"'{shortened(name)}' in {source.name} is not a setting of dgls; it was ignored."
        f"{did_you_mean(near)}"
    )


def _useful(
    source: Source, name: str, texts: Iterable[str], problems: list[SettingError]
) -> Iterator[str]:
    """The patterns that can match a file and that the source may set."""
    chars = 0
    for count, text in enumerate(texts):
        chars += len(text)
        if count >= _MAX_PATTERNS or chars > _MAX_PATTERN_CHARS:
            problems.append(
                SettingError(
                    f"'{name}' in {source.name} has more than {_MAX_PATTERNS:,} patterns or "
                    f"{_MAX_PATTERN_CHARS:,} characters; only the first {count} count."
                )
            )
            return
        why = why_it_matches_nothing(text)
        if why is None and source.is_project and DECLARED[name].only_adds and text[:1] == "!":
            why = "a project can hide more files, not fewer"
        if why is None:
            yield text
        else:
            problems.append(
                SettingError(
                    f"The pattern {_shown(text)} of '{name}' in {source.name} was ignored: {why}."
                )
            )


def _shown(value: Any) -> str:
    """A value for a message, shortened if it is long."""
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number beyond 64 bits"
    return shortened(repr(value)) if isinstance(value, (str, int, float)) else type(value).__name__


def _typed(value: Any, kind: type) -> Any:
    """`value` as `kind`, or None if it has another type."""
    if isinstance(value, bool):
        return value if kind is bool else None
    if isinstance(value, int) and value.bit_length() > 63:
        return None
    if kind is float and isinstance(value, (int, float)):
        return float(value) if math.isfinite(value) else None
    if kind is tuple:
        is_list = isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)
        return tuple(value) if is_list else None
    if isinstance(value, str) and not _is_unicode(value):
        return None
    return value if isinstance(value, kind) else None


def _is_unicode(text: str) -> bool:
    """Whether a text can be encoded: an environment variable may hold any bytes."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _from_text(value: str, kind: type) -> Any:
    if kind is bool:
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower())
    if kind is tuple:
        return tuple(part for part in map(str.strip, value.split(",")) if part)
    try:
        return _typed(kind(value), kind)
    except (ValueError, OverflowError):
        return None


_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple: "a list of texts",
}


def _wanted(declared: Declared) -> str:
    if declared.choices:
        return " or ".join(f"'{choice}'" for choice in declared.choices)
    wanted = _NAMES[declared.number or declared.kind]
    if declared.low is not None:
        wanted += f" of at least {declared.low:g}"
    if declared.high is not None:
        wanted += f" and at most {declared.high:g}"
    return f"'{AUTO}' or {wanted}" if declared.number else wanted
