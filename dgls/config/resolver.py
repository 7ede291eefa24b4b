"""One resolver for all sources of settings.

Later sources win: the defaults, the user's `dgls.toml`, the project's `dgls.toml`, the environment
(`DGLS_MODEL_NAME` sets `model.name`), and what a caller says explicitly (a command-line option, an
editor's settings). A bad setting is reported by its name and its source, and all others are kept.
A project's file comes with somebody's repository, so it cannot say which model or code runs, nor
take a file off the list of secrets, nor send more of other files than the user wants.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dgls.config.settings import (
    AUTO,
    DECLARED,
    ENVIRONMENT_PREFIX,
    FORMER,
    MODELS_VARIABLE,
    Declared,
    Settings,
    settings_of,
    variable_of,
)
from dgls.errors import SettingError
from dgls.files import read_small
from dgls.patterns import why_it_matches_nothing

FILE_NAME = "dgls.toml"

_NO_SETTINGS = (MODELS_VARIABLE, "DGLS_TEST")
"""How variables begin that are no settings: where models are kept, and those of dgls's tests."""

_MOST_PROBLEMS = 20
"""Problems of one source that are told; a file of thousands would flood whoever reads them."""

_MOST_PATTERNS, _MOST_PATTERN_CHARS = 2_000, 40_000
"""Of one source; each file is matched with all of them."""

_LONGEST_SHOWN = 80
_MANY_DOTS = re.compile(r"""(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){20}""")


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings, one error for each value that was left out, and who set what.

    `origins` names the last source of each setting that is not at its default; `folders` are
    those of the project files that were read. `notes` tell of names that are no longer used, and
    whose values count all the same.
    """

    settings: Settings
    problems: tuple[SettingError, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def messages(self) -> tuple[str, ...]:
        """What to tell the user: the problems, then the notes."""
        return (*map(str, self.problems), *self.notes)

    def strict(self) -> Settings:
        """The settings. Raises the first problem, where there is one."""
        if self.problems:
            raise self.problems[0]
        return self.settings


def resolve(
    project: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    files: Iterable[Path] | None = None,
) -> Resolved:
    """The settings of a front-end that works in the folder `project`.

    `overrides` may be nested (`{"model": {"name": ...}}`) or by full name. `environment` stands
    for the process's own; `files` for the user's `dgls.toml`.
    """
    variables = os.environ if environment is None else environment
    problems: list[SettingError] = []
    notes: list[str] = []
    of_project = project_files(project)
    sources = [
        *_file_sources(user_files() if files is None else files, problems),
        *_file_sources(of_project, problems, is_project=True),
        _Source("the environment", _from_environment(variables), is_text=True),
        _Source("the caller", _flattened(overrides or {})),
    ]
    values = {name: declared.default for name, declared in DECLARED.items()}
    origins: dict[str, str] = {}
    caps: list[tuple[str, Any, str]] = []
    for source in sources:
        for name, value in _good(_renamed(source, notes), problems):
            if source.is_project and DECLARED[name].only_lower:
                caps.append((name, value, source.name))
                continue
            values[name] = _with(values[name], value)
            origins[name] = source.name
    for name, most, origin in caps:
        if most < values[name]:
            values[name], origins[name] = most, origin
    folders = tuple(path.parent for path in of_project)
    return Resolved(settings_of(values), tuple(problems), origins, folders, tuple(notes))


def changed(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """`settings` with other `values` (nested or by full name); a list replaces the old one.

    Raises `SettingError`.
    """
    given = _renamed(_Source("the caller", _flattened(values)), [])
    overrides = {**settings.flat(), **given.values}
    return resolve(files=(), environment={}, overrides=overrides).strict()


@dataclass(frozen=True, slots=True)
class _Source:
    """Values from one place. `name` is what an error calls it."""

    name: str
    values: Mapping[str, Any]
    is_project: bool = False
    is_text: bool = False


def _with(old: Any, new: Any) -> Any:
    """A value on top of an older one: a list adds to it, anything else replaces it."""
    return tuple(dict.fromkeys((*old, *new))) if isinstance(new, tuple) else new


def _renamed(source: _Source, notes: list[str]) -> _Source:
    """The source with today's names; a note for each older one.

    Where it says both, the older one counts if the other is `auto`: an editor sends that for what
    nobody set.
    """
    values = dict(source.values)
    for former, name in FORMER.items():
        if former not in values:
            continue
        value = values.pop(former)
        if value in (0, "0"):
            value = AUTO
        if values.get(name, AUTO) == AUTO:
            values[name] = value
        if value != AUTO:
            notes.append(
                f"'{former}' in {source.name} is '{name}' now; it counts as that. Write the new "
                f"name."
            )
    return replace(source, values=values)


def _good(source: _Source, problems: list[SettingError]) -> Iterator[tuple[str, Any]]:
    """The values of a source that are settings; of the others the first are told."""
    own: list[SettingError] = []
    for name, value in source.values.items():
        try:
            accepted = _accepted(source, name, value)
        except SettingError as problem:
            own.append(problem)
            continue
        if DECLARED[name].patterns:
            accepted = tuple(_useful(source, name, accepted, own))
        yield name, accepted
    problems += own[:_MOST_PROBLEMS]
    if len(own) > _MOST_PROBLEMS:
        more = len(own) - _MOST_PROBLEMS
        problems.append(SettingError(f"{source.name} has {more} more bad settings."))


def _accepted(source: _Source, name: str, value: Any) -> Any:
    declared = DECLARED.get(name)
    if declared is None:
        raise SettingError(
            f"'{_short(name)}' in {source.name} is no setting of dgls; it was left out."
        )
    if source.is_project and not declared.project:
        raise SettingError(
            f"'{name}' in {source.name} was left out: a project cannot choose it, "
            "set it in your own dgls.toml or in the environment."
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
            "the value before it was kept."
        )
    return converted


def _useful(
    source: _Source, name: str, texts: Iterable[str], problems: list[SettingError]
) -> Iterator[str]:
    """The patterns that can match a file and that the source may give."""
    chars = 0
    for count, text in enumerate(texts):
        chars += len(text)
        if count >= _MOST_PATTERNS or chars > _MOST_PATTERN_CHARS:
            problems.append(
                SettingError(
                    f"'{name}' in {source.name} has more than {_MOST_PATTERNS:,} patterns or "
                    f"{_MOST_PATTERN_CHARS:,} characters; those after the first {count} were left "
                    "out."
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
                    f"The pattern {_shown(text)} of '{name}' in {source.name} was left out: {why}."
                )
            )


def _shown(value: Any) -> str:
    """A value for a message: not more of it than helps, and never too long a number to print."""
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number beyond 64 bits"
    return _short(repr(value)) if isinstance(value, (str, int, float)) else type(value).__name__


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def _typed(value: Any, kind: type) -> Any:
    """`value` as `kind`, or None where it is of another type."""
    if isinstance(value, bool):
        return value if kind is bool else None
    if isinstance(value, int) and value.bit_length() > 63:
        return None
    if kind is float and isinstance(value, (int, float)):
        return float(value) if math.isfinite(value) else None
    if kind is tuple:
        is_list = isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)
        return tuple(value) if is_list else None
    return value if isinstance(value, kind) else None


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


def _from_environment(variables: Mapping[str, str]) -> dict[str, str]:
    names = {variable_of(name): name for name in (*DECLARED, *FORMER)}
    return {
        names.get(variable, variable): value
        for variable, value in variables.items()
        if variable.startswith(ENVIRONMENT_PREFIX) and not variable.startswith(_NO_SETTINGS)
    }


def _flattened(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested sections by full name; what is no section stays as it is, to be reported."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}.{name}": inner for name, inner in value.items()}
        else:
            flat[key] = value
    return flat


def _file_sources(
    paths: Iterable[Path], problems: list[SettingError], is_project: bool = False
) -> list[_Source]:
    sources = []
    for path in paths:
        try:
            sources.append(_Source(str(path), _read_toml(path), is_project))
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(SettingError(f"{path} was left out: {error.strerror}."))
        except (ValueError, RecursionError) as error:
            why = _short(str(error).replace("\n", " "))
            problems.append(SettingError(f"{path} was left out: it is not TOML ({why})."))
    return sources


def _read_toml(path: Path) -> dict[str, Any]:
    import tomllib

    text = read_small(path).decode("utf-8").replace("\r\n", "\n")
    if _MANY_DOTS.search(text):
        # The parser needs time that grows with the square of a name's parts.
        raise ValueError("a name has more than 20 parts")
    return _flattened(tomllib.loads(text))


def user_files() -> list[Path]:
    """Where the user's own `dgls.toml` may stand."""
    from platformdirs import user_config_dir

    folder = Path(user_config_dir("dgls", appauthor=False))
    # A user without a home folder has none, rather than that of whoever fills the working folder.
    return [folder / FILE_NAME] if folder.is_absolute() else []


def project_files(project: Path | None) -> list[Path]:
    """The nearest `dgls.toml` in the folder `project` or above it."""
    if project is None:
        return []
    folder = project.absolute()
    for candidate in (folder, *folder.parents):
        path = candidate / FILE_NAME
        if path.exists() and not path.is_dir():
            return [path]
    return []
