"""What is requested, when it is shown, and which code the model may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dgls.config.sections.declaring import number_or_auto, setting


@dataclass(frozen=True, slots=True)
class FillSettings:
    """The limits of a fill, and how much of the document it sees."""

    automatic_deadline_ms: float = setting(
        2000.0, "Time limit for a fill while you type, in milliseconds; 0 for no limit.", low=0
    )
    explicit_deadline_ms: float = setting(
        20_000.0,
        "Time limit for a fill that you asked for, in milliseconds; 0 for no limit.",
        low=0,
    )
    explicit_model: str = setting(
        "auto",
        "The model that fills when you ask with a key, a code action or `dgls fill`, named as "
        "in `model.name`; `auto` for the one that fills while you type. A different model runs "
        "in its own engine, which starts when you first ask.",
        project=False,
    )
    candidates: int | Literal["auto"] = number_or_auto(
        1,
        "Number of candidates per fill while you type. `auto`: 1. When you ask, there are 4, or "
        "this many if that is more.",
        high=16,
    )
    max_lines: int | Literal["auto"] = number_or_auto(
        1,
        "Maximum number of lines of a fill while you type, where a block begins. `auto`: 1.",
        high=100,
    )
    prefix_chars: int | Literal["auto"] = number_or_auto(
        100,
        "Maximum number of characters before the cursor that the model sees. `auto`: 2400 for the "
        "laptop model, 1200 for others.",
    )
    suffix_chars: int | Literal["auto"] = number_or_auto(
        0,
        "Maximum number of characters after the cursor that the model sees. `auto`: 800 for the "
        "laptop model, 480 for others.",
    )


@dataclass(frozen=True, slots=True)
class ShowSettings:
    """When a fill is shown."""

    automatic: bool = setting(
        True,
        "Whether dgls makes suggestions that you did not ask for: while you type, and next "
        "edits. If not, the model is not asked either.",
    )
    languages_off: tuple[str, ...] = setting(
        (), 'Languages in which dgls suggests nothing while you type, such as `["python"]`.'
    )
    files_off: tuple[str, ...] = setting(
        (),
        "Files in which dgls suggests nothing while you type, as `.gitignore` patterns relative "
        'to the project\'s folder: `["tests/", "*.pyi"]`.',
        patterns=True,
    )
    threshold: float = setting(
        0.0,
        "Minimum confidence (0 to 1) of a fill that is shown while you type; 0 for the model's "
        "own threshold, at which most of the fills shown are right.",
        low=0,
        high=1,
    )


@dataclass(frozen=True, slots=True)
class TypingSettings:
    """When the model is asked during typing, and how its answer reaches the screen."""

    shortest_delay_ms: float = setting(
        10.0,
        "Minimum wait after a keystroke, in milliseconds. Between words dgls waits only this long.",
        low=0,
        high=5000,
    )
    longest_delay_ms: float = setting(
        400.0,
        "Maximum wait after a keystroke, in milliseconds. Inside a word the wait follows your "
        "own typing rhythm.",
        low=0,
        high=5000,
    )
    prefetch: bool = setting(
        True,
        "Whether dgls fills ahead: the next gap while a suggestion is on the screen, and, in VS "
        "Code and Neovim, the line where the cursor rests in a document that you are writing.",
    )
    completion_list: str = setting(
        "auto",
        "Whether suggestions also appear in the completion menu; `auto`: only if the editor has "
        "no inline completion.",
        choices=("auto", "always", "never"),
    )


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """What the model sees besides the text around the cursor."""

    edits: bool = setting(
        True,
        "Whether the model sees recent edits in other places. A project can only turn this off.",
        only_lower=True,
    )
    outlines: bool = setting(
        True,
        "Whether the model sees outlines of other open files and of imported local files. A "
        "project can only turn this off.",
        only_lower=True,
    )
    chars: int = setting(
        0,
        "Maximum number of characters of edits and outlines together. 0 sends none: the laptop "
        "model fills no better with them, and the embedded model was trained without them. Use "
        "4000 for the 26B model. A project can only lower it.",
        low=0,
        high=100_000,
        only_lower=True,
    )


@dataclass(frozen=True, slots=True)
class EditsSettings:
    """Offers of related edits elsewhere."""

    enabled: bool = setting(
        True,
        "Whether dgls offers the other places of an edit (as code actions and next edits). A "
        "project can only turn this off.",
        only_lower=True,
    )
    model: str = setting(
        "auto",
        "The model that edits by instruction, named as in `model.name`. `auto`: the model of "
        "`model.name` if it is not in `dgls model list`; otherwise the largest fetched model "
        "that can edit and that runs in time on this machine. With a server, the server's "
        "model.",
        project=False,
    )


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    """Files that are neither completed nor used as context."""

    secrets: tuple[str, ...] = setting(
        (),
        "Files with secrets, as `.gitignore` patterns relative to each workspace folder. They "
        "are added to dgls's own list (`.env*`, keys, credentials).",
        patterns=True,
    )
    trusted: bool = setting(
        True,
        "Whether the workspace is trusted. In an untrusted workspace dgls suggests nothing and "
        "reads no file.",
        project=False,
    )
    counts: bool = setting(
        True,
        "Whether `dgls stats` may count what was shown and accepted, in a file on this machine "
        "that holds numbers and no code.",
        project=False,
    )
