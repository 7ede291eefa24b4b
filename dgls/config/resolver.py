"""One resolver for all sources of settings.

Later sources win: the defaults, the user's `dgls.toml`, the project's `dgls.toml`, the environment
(`DGLS_MODEL_NAME` sets `model.name`), and what a caller says explicitly (a command-line option, an
editor's settings). A bad setting is reported by its name and its source, and all others are kept.
A project's file comes with somebody's repository, so it cannot say which model or code runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dgls.config.settings import (
    DECLARED,
    ENVIRONMENT_PREFIX,
    MODELS_VARIABLE,
    Declared,
    Settings,
    settings_of,
)
from dgls.errors import SettingError

FILE_NAME = "dgls.toml"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings, one error for each value that was left out, and who set what.

    `origins` names the last source of each setting that is not at its default.
    """

    settings: Settings
    problems: tuple[SettingError, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)

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
    sources = [
        *_file_sources(user_files() if files is None else files, problems),
        *_file_sources(project_files(project), problems, is_project=True),
        _Source("the environment", _from_environment(variables), is_text=True),
        _Source("the caller", _flattened(overrides or {})),
    ]
    values = {name: declared.default for name, declared in DECLARED.items()}
    origins: dict[str, str] = {}
    for source in sources:
        for name, value in source.values.items():
            try:
                values[name] = _with(values.get(name), _accepted(source, name, value))
                origins[name] = source.name
            except SettingError as problem:
                problems.append(problem)
    return Resolved(settings_of(values), tuple(problems), origins)


def changed(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """`settings` with other `values` (nested or by full name); a list replaces the old one.

    Raises `SettingError`.
    """
    overrides = {**settings.flat(), **_flattened(values)}
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


def _accepted(source: _Source, name: str, value: Any) -> Any:
    declared = DECLARED.get(name)
    if declared is None:
        raise SettingError(f"'{name}' in {source.name} is no setting of dgls; it was left out.")
    if source.is_project and not declared.project:
        raise SettingError(
            f"'{name}' in {source.name} was left out: a project cannot choose it, "
            "set it in your own dgls.toml or in the environment."
        )
    converted = _from_text(value, declared.kind) if source.is_text else _typed(value, declared.kind)
    too_low = declared.low is not None and converted is not None and converted < declared.low
    too_high = declared.high is not None and converted is not None and converted > declared.high
    # A NaN compares false with everything, so it needs a question of its own.
    unknown = bool(declared.choices) and converted not in declared.choices
    if converted is None or converted != converted or too_low or too_high or unknown:
        raise SettingError(
            f"'{name}' in {source.name} must be {_wanted(declared)}, not {value!r}; "
            "the value before it was kept."
        )
    return converted


def _typed(value: Any, kind: type) -> Any:
    """`value` as `kind`, or None where it is of another type."""
    if isinstance(value, bool):
        return value if kind is bool else None
    if kind is float and isinstance(value, int):
        return float(value)
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
        return kind(value)
    except ValueError:
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
    wanted = _NAMES[declared.kind]
    if declared.low is not None:
        wanted += f" of at least {declared.low:g}"
    if declared.high is not None:
        wanted += f" and at most {declared.high:g}"
    return wanted


def _from_environment(variables: Mapping[str, str]) -> dict[str, str]:
    names = {declared.variable: name for name, declared in DECLARED.items()}
    return {
        names.get(variable, variable): value
        for variable, value in variables.items()
        if variable.startswith(ENVIRONMENT_PREFIX) and variable != MODELS_VARIABLE
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
        except (OSError, ValueError) as error:
            problems.append(SettingError(f"{path} was left out: {error}."))
    return sources


def _read_toml(path: Path) -> dict[str, Any]:
    import tomllib

    with path.open("rb") as file:
        return _flattened(tomllib.load(file))


def user_files() -> list[Path]:
    """Where the user's own `dgls.toml` may stand."""
    from platformdirs import user_config_dir

    return [Path(user_config_dir("dgls", appauthor=False)) / FILE_NAME]


def project_files(project: Path | None) -> list[Path]:
    """The nearest `dgls.toml` in the folder `project` or above it."""
    if project is None:
        return []
    folder = project.absolute()
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file():
            return [candidate / FILE_NAME]
    return []
