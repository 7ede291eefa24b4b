"""One resolver for all sources of settings.

Later sources win: the defaults, the user's `dgls.toml`, the project's `dgls.toml`, the environment
(`DGLS_MODEL_NAME` sets `model.name`), and the caller's values (a command-line option, an editor's
settings). An invalid setting is reported with its name and source, and all others are kept. A
project's file comes with a repository that somebody else may have written. It cannot choose the
model or the code that runs, take a file off the list of secrets, or send more of other files than
the user wants.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dgls.config.checks import good_values
from dgls.config.sections.declaring import AUTO
from dgls.config.settings import DECLARED, Settings, settings_of
from dgls.config.sources import (
    Source,
    file_sources,
    flattened,
    from_environment,
    project_files,
    renamed,
    user_files,
)
from dgls.errors import SettingError


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings, an error for each rejected value, and the source of each setting.

    `origins` names the last source of each setting that is not at its default; `folders` are those
    of the project files that were read. `notes` report old names, whose values are still used.
    """

    settings: Settings
    problems: tuple[SettingError, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def messages(self) -> tuple[str, ...]:
        """The messages for the user: the problems, then the notes."""
        return (*map(str, self.problems), *self.notes)

    def strict(self) -> Settings:
        """The settings. Raises the first problem, if there is one."""
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

    `overrides` may be nested (`{"model": {"name": ...}}`) or by full name. `environment` replaces
    the process's own, `files` the user's `dgls.toml`.
    """
    variables = os.environ if environment is None else environment
    problems: list[SettingError] = []
    notes: list[str] = []
    of_project = project_files(project)
    sources = [
        *file_sources(user_files() if files is None else files, problems),
        *file_sources(of_project, problems, is_project=True),
        Source("the environment", from_environment(variables), is_text=True),
        Source("the caller", flattened(overrides or {})),
    ]
    given = [
        _Given(name, value, source)
        for source in sources
        for name, value in good_values(renamed(source, notes), problems)
    ]
    values, origins = _merged(given)
    folders = tuple(path.parent for path in of_project)
    return Resolved(settings_of(values), tuple(problems), origins, folders, tuple(notes))


def changed(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """`settings` with other `values` (nested or by full name); a list replaces the old one.

    Raises `SettingError`.
    """
    given = renamed(Source("the caller", flattened(values)), [])
    overrides = {**settings.flat(), **given.values}
    return resolve(files=(), environment={}, overrides=overrides).strict()


def explicit_settings(settings: Settings) -> Settings:
    """The settings of the engine that answers explicit requests."""
    name = settings.fill.explicit_model
    return settings if name == AUTO else changed(settings, {"model.name": name})


@dataclass(frozen=True, slots=True)
class _Given:
    """The value of one setting in one source."""

    name: str
    value: Any
    source: Source

    @property
    def is_cap(self) -> bool:
        """Whether it only limits the value from all other sources."""
        return self.source.is_project and DECLARED[self.name].only_lower


def _merged(given: Sequence[_Given]) -> tuple[dict[str, Any], dict[str, str]]:
    """Each setting's value, and the last source of those that are not at their default."""
    values = {name: declared.default for name, declared in DECLARED.items()}
    origins: dict[str, str] = {}
    for each in given:
        if not each.is_cap:
            values[each.name] = _with(values[each.name], each.value)
            origins[each.name] = each.source.name
    for each in given:
        if each.is_cap and each.value < values[each.name]:
            values[each.name], origins[each.name] = each.value, each.source.name
    return values, origins


def _with(old: Any, new: Any) -> Any:
    """A value on top of an older one: a list is added to it, anything else replaces it."""
    return tuple(dict.fromkeys((*old, *new))) if isinstance(new, tuple) else new
