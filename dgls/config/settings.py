"""Every setting, declared once: its type, default, range and meaning.

`docs/configuration.md`, the schema and the editor's manifest are made of these declarations
(`python -m dgls.config`, see `generated.py`).
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

AUTO: Literal["auto"] = "auto"
"""The value that leaves a number to dgls."""

ENVIRONMENT_PREFIX = "DGLS_"
MODELS_VARIABLE = "DGLS_MODELS"
"""The environment variable that names the folder of fetched models; it is not a setting."""


def _setting(
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


def _number_or_auto(low: float, doc: str, *, high: float | None = None) -> Any:
    """A whole number, `auto` unless the user sets it."""
    return _setting(AUTO, doc, low=low, high=high, number=int)


def _knob(number: type[int] | type[float], low: float, high: float, doc: str) -> Any:
    """A number of the denoise loop, `auto` unless the user sets it."""
    return _setting(AUTO, doc, low=low, high=high, project=False, identity=True, number=number)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model fills, and on what."""

    name: str = _setting(
        "auto",
        "`auto` (the best model here that keeps up with typing), `embedded`, a name of `dgls model "
        "list`, a checkpoint folder or `.gguf` file (absolute, or written `./...`), or the name of "
        "a model in the Hugging Face cache (`owner/name`).",
        project=False,
        identity=True,
    )
    device: str = _setting(
        "auto",
        "Where the model runs: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.",
        project=False,
        identity=True,
    )
    threads: int = _setting(
        0,
        "CPU threads of the model; 0 leaves the choice to dgls.",
        low=0,
        high=1024,
        project=False,
        identity=True,
    )
    quantization: str = _setting(
        "auto",
        "Precision of the published model's weights: `none` (bf16), `8bit`, `4bit`, or `auto` for "
        "the most exact that fits.",
        choices=("auto", "none", "8bit", "4bit"),
        project=False,
        identity=True,
    )
    batch: int = _setting(
        0,
        "Maximum of fills that share a forward pass of the model; 0 leaves the choice to dgls.",
        low=0,
        high=256,
        project=False,
        identity=True,
    )
    cache_mb: int = _setting(
        0,
        "Maximum memory for encoded prompts, in megabytes; 0 takes a share of the device's.",
        low=0,
        project=False,
        identity=True,
    )


def is_folder(model: str) -> bool:
    """Whether a model's name is that of a folder: absolute, or written `./...`, `../...`, `~/...`.

    Any other name is never one, whatever lies in the working folder: a repository could choose the
    model by a folder named like a published one.
    """
    starts = ("./", "../", "~", f".{os.sep}", f"..{os.sep}")
    return model in {".", ".."} or model.startswith(starts) or os.path.isabs(model)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """The process that owns the model."""

    backend: str = _setting(
        "local",
        "What runs the model: `local` (this machine), `vllm`, `chat` or `infill` (the server of "
        "the section `remote`, which gets your code), or `module:factory` (called with the "
        "settings).",
        project=False,
        identity=True,
    )
    folder: str = _setting(
        "",
        "Absolute path of the folder of the engine's socket; empty for the system's runtime "
        "folder.",
        project=False,
    )
    idle_seconds: float = _setting(
        1800.0,
        "Seconds without a request after which the engine exits; 0 for never.",
        low=0,
        project=False,
    )
    start_seconds: float = _setting(
        30.0,
        "Longest wait for a started engine to answer (its model may load longer).",
        low=0.1,
        high=3600,
        project=False,
    )
    max_request_bytes: int = _setting(
        4_000_000, "Largest request that the engine reads, in bytes.", low=1000, project=False
    )
    max_waiting: int = _setting(
        64, "Maximum of requests that wait for the model; more are refused.", low=1, project=False
    )


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """The server that fills for the backends `vllm`, `chat` and `infill`. Code is sent to it."""

    url: str = _setting(
        "",
        "The server's address, such as `https://models.example:8000`, without `/v1`.",
        project=False,
        identity=True,
    )
    model: str = _setting(
        "",
        "The model's name on the server; empty for `model.name`, or for the only one it serves.",
        project=False,
        identity=True,
    )
    key_file: str = _setting(
        "",
        "Absolute path of a file with the server's key, which only you may read.",
        project=False,
        identity=True,
    )
    key_variable: str = _setting(
        "",
        "Name of the environment variable with the key, if there is no file; the engine "
        "sees the environment of the program that started it.",
        project=False,
        identity=True,
    )
    timeout_seconds: float = _setting(
        60.0,
        "Longest wait for an answer of the server.",
        low=0.1,
        high=3600,
        project=False,
        identity=True,
    )
    concurrency: int = _setting(
        8, "Maximum of fills that are sent at once.", low=1, high=256, project=False, identity=True
    )
    fallback: bool = _setting(
        False,
        "Whether the local model (`model.name`) fills while the server is down.",
        project=False,
        identity=True,
    )


@dataclass(frozen=True, slots=True)
class DenoiseSettings:
    """How a model writes several tokens at once.

    A number that is `auto` is what the model's family does, or what its checkpoint asks for.
    """

    steps: int | Literal["auto"] = _knob(
        int,
        1,
        1024,
        "Most denoise steps of a canvas. Time grows with them; fewer leave more of the text to a "
        "first guess. `auto`: 48 for the published model, 5 for the embedded one, the server's own "
        "limit for `vllm`. The laptop model takes as many passes as its text needs.",
    )
    canvas: int | Literal["auto"] = _knob(
        int,
        16,
        256,
        "Widest canvas, in tokens. A step of a narrower one is cheaper, but long gaps do not fit. "
        "For `vllm` no wider than the server's `--diffusion-config`; `auto`: what the model's "
        "`config.json` says, here as much as the gap needs. For the laptop model the positions of "
        "a pass (8; 32 at most).",
    )
    entropy_bound: float | Literal["auto"] = _knob(
        float,
        0,
        100,
        "How unsure the tokens that a step accepts may be together, in nats. More accepts sooner, "
        "in fewer steps and with more errors; 0 accepts one token a step. `auto`: 0.1 for the "
        "published model, 3 for the embedded one.",
    )
    temperature_start: float | Literal["auto"] = _knob(
        float,
        0.01,
        5,
        "Temperature of the first step; it changes evenly to `denoise.temperature_end`. Higher "
        "gives more varied and less certain text, in more steps. `auto`: 0.8 for the published "
        "model, 1 for the embedded one.",
    )
    temperature_end: float | Literal["auto"] = _knob(
        float,
        0.01,
        5,
        "Temperature after the last step that may be taken. `auto`: 0.4 for the published model, 1 "
        "for the embedded one.",
    )
    stop_entropy: float | Literal["auto"] = _knob(
        float,
        0,
        20,
        "A canvas that no longer changes is done when its mean entropy is below this, in nats. "
        "More ends sooner. `auto`: 0.005 for the published model, 0.05 for the embedded one.",
    )
    stop_steps: int | Literal["auto"] = _knob(
        int,
        0,
        64,
        "For how many steps a canvas must not have changed to be done. More costs as many further "
        "steps and corrects a little more. `auto`: 1.",
    )
    adapter: str = _setting(
        "auto",
        "Whether the laptop model's adapter drafts ahead with masks: `on`, `off`, or `auto` for "
        "where it was measured on this machine to make one-line fills 15 % faster. The text is the "
        "same.",
        choices=("auto", "on", "off"),
        project=False,
        identity=True,
    )


@dataclass(frozen=True, slots=True)
class FillSettings:
    """What a fill may cost and how much of the document it sees."""

    automatic_deadline_ms: float = _setting(
        2000.0, "Time for a fill while typing, in milliseconds; 0 for none.", low=0
    )
    explicit_deadline_ms: float = _setting(
        20_000.0, "Time for a fill that was asked for, in milliseconds; 0 for none.", low=0
    )
    candidates: int | Literal["auto"] = _number_or_auto(
        1,
        "Candidates per fill. `auto`: 1 while typing, 4 where you asked.",
        high=16,
    )
    max_lines: int | Literal["auto"] = _number_or_auto(
        1,
        "Maximum of lines of a fill while typing, where a block opens. `auto`: 1.",
        high=100,
    )
    prefix_chars: int | Literal["auto"] = _number_or_auto(
        100,
        "Maximum of characters before the cursor that the model sees. `auto`: 2400 for the laptop "
        "model, 1200 for others.",
    )
    suffix_chars: int | Literal["auto"] = _number_or_auto(
        0,
        "Maximum of characters after the cursor that the model sees. `auto`: 800 for the laptop "
        "model, 480 for others.",
    )


@dataclass(frozen=True, slots=True)
class ShowSettings:
    """When a fill is shown."""

    automatic: bool = _setting(
        True,
        "Whether to suggest what was not asked for: while typing, and next edits that come of "
        "themselves; if not, the model is not asked either.",
    )
    languages_off: tuple[str, ...] = _setting(
        (), 'Languages in which nothing is suggested while typing, such as `["python"]`.'
    )
    files_off: tuple[str, ...] = _setting(
        (),
        "Files where nothing is suggested while typing, as `.gitignore` patterns relative to the "
        'project\'s folder: `["tests/", "*.pyi"]`.',
        patterns=True,
    )
    threshold: float = _setting(
        0.0,
        "Least confidence (0 to 1) of a fill that is shown while typing; 0 for the model's own, at "
        "which most of what is shown is right.",
        low=0,
        high=1,
    )


@dataclass(frozen=True, slots=True)
class TypingSettings:
    """When the model is asked while one types, and how its answer reaches the screen."""

    shortest_delay_ms: float = _setting(
        10.0,
        "Shortest wait after a keystroke, in milliseconds; between words it is the whole wait.",
        low=0,
        high=5000,
    )
    longest_delay_ms: float = _setting(
        400.0,
        "Longest wait after a keystroke, in milliseconds; inside a word the wait follows your own "
        "rhythm.",
        low=0,
        high=5000,
    )
    prefetch: bool = _setting(
        True,
        "Whether the next gap is filled ahead while a suggestion is on the screen, and, in VS Code "
        "and Neovim, the line where the cursor rests in a document that you are writing.",
    )
    completion_list: str = _setting(
        "auto",
        "Whether the completion menu offers suggestions too; `auto` does so where the editor has "
        "no inline completion.",
        choices=("auto", "always", "never"),
    )


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """What the model sees of other places than the cursor's."""

    edits: bool = _setting(
        True,
        "Whether the model sees recent edits elsewhere; a project can only turn this off.",
        only_lower=True,
    )
    outlines: bool = _setting(
        True,
        "Whether the model sees outlines of other open files and of imported local ones; a project "
        "can only turn this off.",
        only_lower=True,
    )
    chars: int = _setting(
        0,
        "Maximum of characters of both together; 0 for none, which suits the laptop model, that "
        "fills no better with them, and the embedded one, which was trained without. 4000 suits a "
        "published one. A project can only lower it.",
        low=0,
        high=100_000,
        only_lower=True,
    )


@dataclass(frozen=True, slots=True)
class EditsSettings:
    """What an edit means for the rest of the code."""

    enabled: bool = _setting(
        True,
        "Whether the other places of an edit are offered (as code actions and next edits); a "
        "project can only turn this off.",
        only_lower=True,
    )
    model: str = _setting(
        "auto",
        "The model that edits by instruction, named as in `model.name`. `auto`: a `model.name` "
        "that `dgls model list` lacks, else the largest fetched one that can and that this machine "
        "runs in time; with a server, the server's.",
        project=False,
    )


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    """What is neither completed nor used as context."""

    secrets: tuple[str, ...] = _setting(
        (),
        "Files with secrets, as `.gitignore` patterns relative to each workspace folder; they are "
        "added to dgls's own list (`.env*`, keys, credentials).",
        patterns=True,
    )
    trusted: bool = _setting(
        True,
        "Whether the workspace is trusted; in an untrusted one dgls suggests nothing and reads no "
        "file.",
        project=False,
    )
    counts: bool = _setting(
        True,
        "Whether `dgls stats` may count what was shown and accepted, in a file on this machine "
        "that holds numbers and no code.",
        project=False,
    )


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
        """The settings that make one engine another: `{"model.name": ...}`."""
        return {name: self.value(name) for name, item in DECLARED.items() if item.identity}

    def value(self, name: str) -> Any:
        """One setting by its full name."""
        section, _, item = name.partition(".")
        return getattr(getattr(self, section), item)


@dataclass(frozen=True, slots=True)
class Declared:
    """One setting as declared above; `name` is full, such as "model.name".

    A setting of kind `tuple` is a list of texts: each source adds to it. `choices` are the texts
    that are allowed, none for any; texts that are `patterns` must be able to match something. One
    that is `auto` may also be a `number` of that kind. A project may set what is `project`, and
    what is `only_lower` to no more than the user does.
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
        """Whether a project can add to the list and take nothing off it."""
        return self.name == "privacy.secrets"

    @property
    def variable(self) -> str:
        """Its environment variable."""
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
"""Names that settings had before, with those that they have now. Their `auto` was 0."""


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Settings from a valid value for every full name."""
    sections = {}
    for section, kind in SECTIONS.items():
        names = [item.name for item in dataclasses.fields(kind)]
        sections[section] = kind(**{name: values[f"{section}.{name}"] for name in names})
    return Settings(**sections)
