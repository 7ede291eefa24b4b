"""Where settings come from: the files of the user and the project, the environment, a caller."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dgls.config.sections.declaring import AUTO
from dgls.config.settings import (
    DECLARED,
    ENVIRONMENT_PREFIX,
    FORMER,
    MODELS_VARIABLE,
    variable_of,
)
from dgls.errors import SettingError
from dgls.files import read_small

FILE_NAME = "dgls.toml"

_NO_SETTINGS = (MODELS_VARIABLE, "DGLS_TEST")
"""Prefixes of variables that are not settings: the models' folder, and those of dgls's tests."""

_LONGEST_SHOWN = 80
_MANY_DOTS = re.compile(r"""(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){20}""")


@dataclass(frozen=True, slots=True)
class Source:
    """Values from one source. `name` is its name in error messages."""

    name: str
    values: Mapping[str, Any]
    is_project: bool = False
    is_text: bool = False


def file_sources(
    paths: Iterable[Path], problems: list[SettingError], *, is_project: bool = False
) -> list[Source]:
    """The values of the existing files; for one that cannot be read, `problems` gets an error."""
    sources = []
    for path in paths:
        try:
            sources.append(Source(str(path), _read_toml(path), is_project))
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(SettingError(f"{path} was ignored: {error.strerror}."))
        except (ValueError, RecursionError) as error:
            why = shortened(str(error).replace("\n", " "))
            problems.append(SettingError(f"{path} was ignored: it is not valid TOML ({why})."))
    return sources


def user_files() -> list[Path]:
    """Where the user's own `dgls.toml` may be."""
    from platformdirs import user_config_dir

    folder = Path(user_config_dir("dgls", appauthor=False))
    # Without a home folder there is no file, instead of one in the working folder.
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


def from_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables for dgls, by the name of their setting if they have one."""
    names = {variable_of(name): name for name in (*DECLARED, *FORMER)}
    return {
        names.get(variable, variable): value
        for variable, value in variables.items()
        if variable.startswith(ENVIRONMENT_PREFIX) and not variable.startswith(_NO_SETTINGS)
    }


def flattened(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested sections by full name; other values stay as they are, to be reported."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}.{name}": inner for name, inner in value.items()}
        else:
            flat[key] = value
    return flat


def renamed(source: Source, notes: list[str]) -> Source:
    """The source with present names; a note is added for each former one.

    If it has both, the former one counts if the present one is `auto`, which an editor sends for
    unset values.
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
                f"'{former}' in {source.name} is now called '{name}'. It still works; use the new "
                "name."
            )
    return replace(source, values=values)


def shortened(text: str) -> str:
    """The text for a message, cut if it is long."""
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def _read_toml(path: Path) -> dict[str, Any]:
    text = read_small(path).decode("utf-8-sig").replace("\r\n", "\n")
    if _MANY_DOTS.search(text):
        # The parser's time grows with the square of the number of a name's parts.
        raise ValueError("a name has more than 20 parts")
    # Most users have no such file and need no parser.
    import tomllib

    return flattened(tomllib.loads(text))
