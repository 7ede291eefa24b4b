"""Every setting by its full name, with its type, default, range and meaning.

The sections are in `sections/`. `docs/configuration.md`, the schema and the editor's manifest are
generated from their declarations (`python -m dgls.config`, see `generated.py`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dgls.config.sections.engine import (
    DenoiseSettings,
    EngineSettings,
    ModelSettings,
    RemoteSettings,
)
from dgls.config.sections.suggestions import (
    ContextSettings,
    EditsSettings,
    FillSettings,
    PrivacySettings,
    ShowSettings,
    TypingSettings,
)

ENVIRONMENT_PREFIX = "DGLS_"
MODELS_VARIABLE = "DGLS_MODELS"
"""The environment variable that names the folder of fetched models; it is not a setting."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of dgls, by section."""

    model: ModelSettings = field(default_factory=ModelSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    remote: RemoteSettings = field(default_factory=RemoteSettings)
    denoise: DenoiseSettings = field(default_factory=DenoiseSettings)
    fill: FillSettings = field(default_factory=FillSettings)
    show: ShowSettings = field(default_factory=ShowSettings)
    typing: TypingSettings = field(default_factory=TypingSettings)
    context: ContextSettings = field(default_factory=ContextSettings)
    edits: EditsSettings = field(default_factory=EditsSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)

    def flat(self) -> dict[str, Any]:
        """Every setting by its full name: `{"model.name": "embedded", ...}`."""
        return {name: self.value(name) for name in DECLARED}

    def identity(self) -> dict[str, Any]:
        """The settings that identify an engine: `{"model.name": ...}`."""
        return {name: self.value(name) for name, item in DECLARED.items() if item.identity}

    def value(self, name: str) -> Any:
        """One setting by its full name."""
        section, _, item = name.partition(".")
        return getattr(getattr(self, section), item)


@dataclass(frozen=True, slots=True)
class Declared:
    """One setting as its section declares it; `name` is full, such as "model.name".

    A setting of kind `tuple` is a list of texts, to which each source adds. `choices` are the
    allowed texts, empty for any; texts that are `patterns` must be able to match something. With a
    `number`, it is `auto` or a number of that type. A project may set it if `project`; if
    `only_lower`, to no more than the user's value.
    """

    name: str
    kind: type
    default: Any
    doc: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    project: bool
    only_lower: bool
    patterns: bool
    identity: bool
    number: type[int] | type[float] | None

    @property
    def only_adds(self) -> bool:
        """Whether a project can only add to the list."""
        return self.name == "privacy.secrets"

    @property
    def variable(self) -> str:
        """The name of its environment variable."""
        return variable_of(self.name)


def variable_of(name: str) -> str:
    """The environment variable of a setting's full name."""
    return ENVIRONMENT_PREFIX + name.replace(".", "_").upper()


SECTIONS: Mapping[str, type] = {
    section.name: type(getattr(Settings(), section.name))
    for section in dataclasses.fields(Settings)
}


def _declared() -> dict[str, Declared]:
    found = {}
    for section, kind in SECTIONS.items():
        for item in dataclasses.fields(kind):
            name = f"{section}.{item.name}"
            found[name] = Declared(name, type(item.default), item.default, **item.metadata)
    return found


DECLARED: Mapping[str, Declared] = _declared()
"""Every setting by its full name."""

FORMER: Mapping[str, str] = {"remote.steps": "denoise.steps", "remote.canvas": "denoise.canvas"}
"""Former names of settings, with the present ones. Their `auto` was 0."""


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Settings from a valid value for every full name."""
    sections = {}
    for section, kind in SECTIONS.items():
        names = [item.name for item in dataclasses.fields(kind)]
        sections[section] = kind(**{name: values[f"{section}.{name}"] for name in names})
    return Settings(**sections)
