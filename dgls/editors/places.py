"""Where editors keep their configuration, and where dgls's files for them are."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from dgls.errors import InputError

_PACKAGED = Path(__file__).parent / "plugins"
_CHECKOUT = Path(__file__).parents[2]


def shipped(name: str) -> Path:
    """The folder or file that dgls ships for an editor: in the wheel, or in a checkout."""
    packaged = _PACKAGED / name
    return packaged if packaged.exists() else _CHECKOUT / "editors" / name


def extension() -> Path | None:
    """The VS Code extension packaged by `make vsix`, or None.

    It is in the checkout that dgls runs in or was installed from.
    """
    found = (folder / "dist" / "dgls.vsix" for folder in _checkouts())
    return next((path for path in found if path.is_file()), None)


def sources_of_extension() -> Path | None:
    """The checkout in which `make vsix` would package it, or None."""
    there = (folder for folder in _checkouts() if (folder / "editors" / "vscode").is_dir())
    return next((folder for folder in there if (folder / "Makefile").is_file()), None)


def _checkouts() -> list[Path]:
    return [folder for folder in (_CHECKOUT, _installed_from()) if folder]


def _installed_from() -> Path | None:
    """The folder that dgls was installed from, as recorded by the installer (PEP 610)."""
    from importlib import metadata
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        noted = metadata.distribution("dgls").read_text("direct_url.json")
        url = urlsplit(json.loads(noted or "{}").get("url", ""))
    except (metadata.PackageNotFoundError, ValueError, AttributeError):
        return None
    return Path(url2pathname(url.path)) if url.scheme == "file" else None


def program() -> str:
    """The command that starts dgls: its name if it is on PATH, else its full path."""
    if shutil.which("dgls"):
        return "dgls"
    beside = Path(sys.executable).with_name("dgls.exe" if os.name == "nt" else "dgls")
    return str(beside) if beside.exists() else "dgls"


def home() -> Path:
    """The user's home folder. Raises `InputError` if `HOME` does not name one."""
    told = os.environ.get("HOME")
    if os.name == "posix" and told is not None and not os.path.isabs(told):
        raise InputError(
            f"HOME is {told!r}, which is not an absolute path; nothing was changed. Set it to your "
            "home folder."
        )
    return Path.home()


def config_home() -> Path:
    """The user's configuration folder on Linux, which most editors also use on macOS."""
    told = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    # A relative path must be ignored (XDG Base Directory Specification).
    return told if told.is_absolute() else home() / ".config"


def roaming() -> Path:
    """The user's configuration folder on Windows."""
    return Path(os.environ.get("APPDATA") or home() / "AppData" / "Roaming")


def neovim() -> Path:
    """A separate file, which Neovim reads after `init.lua` (`:help load-plugins`)."""
    name = os.environ.get("NVIM_APPNAME") or "nvim"
    if os.name == "nt":
        local = os.environ.get("LOCALAPPDATA") or home() / "AppData" / "Local"
        return Path(local) / name / "plugin" / "dgls.lua"
    return config_home() / name / "plugin" / "dgls.lua"


def emacs() -> Path:
    """The init file that Emacs reads: the first that exists.

    See the Emacs manual, "The Emacs Initialization File". Doom's own init file is replaced by
    updates, and it reads `config.el` (its manual, "Configure").
    """
    folder = home()
    if _has_emacs_of("bin/doom"):
        told = Path(os.environ.get("DOOMDIR", ""))
        own = (config_home() / "doom", folder / ".doom.d")
        there = [each for each in (told, *own) if each.is_absolute() and each.is_dir()]
        return (there or own)[0] / "config.el"
    classic = (folder / ".emacs", folder / ".emacs.el", folder / ".emacs.d" / "init.el")
    modern = config_home() / "emacs" / "init.el"
    there = [path for path in (*classic, modern) if path.exists()]
    return there[0] if there else modern if modern.parent.exists() else classic[-1]


def spacemacs() -> Path | None:
    """The user's Spacemacs file (its manual, "Dotfile Configuration"), or None."""
    if not _has_emacs_of("core/core-spacemacs.el"):
        return None
    told = os.environ.get("SPACEMACSDIR")
    folder = Path(told) if told else home() / ".spacemacs.d"
    return folder / "init.el" if folder.is_dir() else home() / ".spacemacs"


def _has_emacs_of(file: str) -> bool:
    return any((each / file).exists() for each in (home() / ".emacs.d", config_home() / "emacs"))


def helix() -> Path:
    """https://docs.helix-editor.com/languages.html"""
    root = roaming() if os.name == "nt" else config_home()
    return root / "helix" / "languages.toml"


def zed() -> Path:
    """https://zed.dev/docs/configuring-zed"""
    root = roaming() / "Zed" if os.name == "nt" else config_home() / "zed"
    return root / "settings.json"


def kate() -> Path:
    """The "User Server Settings" of Kate's LSP Client (Kate handbook, "LSP Client Plugin")."""
    root = roaming() if os.name == "nt" else config_home()
    return root / "kate" / "lspclient" / "settings.json"


def sublime() -> Path:
    """https://lsp.sublimetext.io/client_configuration/ and Sublime's "Packages" folder."""
    if sys.platform == "darwin":
        root = home() / "Library" / "Application Support" / "Sublime Text"
    else:
        root = roaming() / "Sublime Text" if os.name == "nt" else config_home() / "sublime-text"
    return root / "Packages" / "User" / "LSP.sublime-settings"
