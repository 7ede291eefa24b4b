"""The editors on this machine that can speak to dgls."""

from __future__ import annotations

import shutil

from dgls.doctor.findings import FoundEditor
from dgls.doctor.machine import output_of

_EDITORS = (
    ("Neovim", "nvim", "dgls editor neovim"),
    ("VS Code", "code", "dgls editor vscode"),
    ("VSCodium", "codium", "dgls editor vscode"),
    ("Helix", "hx", "dgls editor helix"),
    ("Emacs", "emacs", "dgls editor emacs"),
    ("Zed", "zed", "dgls editor zed"),
    ("Kate", "kate", "dgls editor kate"),
    ("Sublime Text", "subl", "dgls editor sublime"),
)
"""What users call them, their commands, and how dgls gets in."""


def look_for_editors() -> tuple[FoundEditor, ...]:
    """Every editor whose command is on the path."""
    found = ((name, shutil.which(command), how) for name, command, how in _EDITORS)
    return tuple(
        FoundEditor(name, path, _version(name, path), how) for name, path, how in found if path
    )


def _version(name: str, path: str) -> str:
    """The version of Neovim, which matters; others take a second to tell theirs."""
    if name != "Neovim":
        return ""
    first = output_of([path, "--version"]).partition("\n")[0]
    return first.removeprefix("NVIM v").strip()
