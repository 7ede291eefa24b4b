"""The editors on this machine that can speak to dgls."""

from __future__ import annotations

import shutil

from dgls.doctor.findings import Editor
from dgls.doctor.machine import output_of

_EDITORS = (
    ("Neovim", "nvim", "editors/neovim/README.md"),
    ("VS Code", "code", "a client that starts `dgls lsp`; settings in docs/configuration.md"),
    ("VSCodium", "codium", "a client that starts `dgls lsp`; settings in docs/configuration.md"),
    ("Helix", "hx", "languages.toml: a language server with the command `dgls lsp`"),
    ("Emacs", "emacs", "eglot: a server program `dgls lsp`"),
    ("Zed", "zed", "settings.json: a language server with the command `dgls lsp`"),
)
"""What users call them, their commands, and how dgls gets in."""


def look_for_editors() -> tuple[Editor, ...]:
    """Every editor whose command is on the path."""
    found = ((name, shutil.which(command), how) for name, command, how in _EDITORS)
    return tuple(Editor(name, path, _version(name, path), how) for name, path, how in found if path)


def _version(name: str, path: str) -> str:
    """The version of Neovim, which matters; others take a second to tell theirs."""
    if name != "Neovim":
        return ""
    first = output_of([path, "--version"]).partition("\n")[0]
    return first.removeprefix("NVIM v").strip()
