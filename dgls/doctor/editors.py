"""The editors on this machine that dgls supports."""

from __future__ import annotations

import shutil

from dgls.doctor.findings import FoundEditor
from dgls.doctor.machine import output_of
from dgls.editors.guides import guide
from dgls.errors import InputError

_EDITORS = (
    ("Neovim", "nvim", "neovim"),
    ("VS Code", "code", "vscode"),
    ("VSCodium", "codium", "vscode"),
    ("Helix", "hx", "helix"),
    ("Emacs", "emacs", "emacs"),
    ("Zed", "zed", "zed"),
    ("Kate", "kate", "kate"),
    ("Sublime Text", "subl", "sublime"),
)
"""Their names for users, their commands, and their names in `dgls editor`."""


def look_for_editors() -> tuple[FoundEditor, ...]:
    """Every editor whose command is on PATH."""
    found = ((name, shutil.which(command), editor) for name, command, editor in _EDITORS)
    return tuple(
        FoundEditor(name, path, _version(name, path), _how(editor))
        for name, path, editor in found
        if path
    )


def _how(editor: str) -> str:
    """Where dgls is in an editor's configuration, or the command that puts it there."""
    try:
        wanted = guide(editor)
        if wanted.file is not None and wanted.merge is not None:
            text = wanted.file.read_text(encoding="utf-8")
            if wanted.merge(text) == text:
                return f"dgls is in {wanted.file}"
    except (OSError, ValueError, InputError):
        # There is no file, or one that only its owner understands.
        pass
    return f"dgls editor {editor} --write adds dgls"


def _version(name: str, path: str) -> str:
    """The version of Neovim, which matters; other editors take a second to print theirs."""
    if name != "Neovim":
        return ""
    first = output_of([path, "--version"]).partition("\n")[0]
    return first.removeprefix("NVIM v").strip()
