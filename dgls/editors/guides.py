"""For each editor: what to put into which file, the key that accepts, and notes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dgls.editors import places
from dgls.editors.helix_text import helix_languages, helix_without
from dgls.editors.merging import MARK, Merge, block, json_keys, own_file

PORT = 8012
"""The port of `dgls serve` for editors that do not start a server."""

COMPLETIONS_URL = f"http://127.0.0.1:{PORT}/v1/completions"

_SUBLIME_SCOPES = (
    "source.python | source.js | source.jsx | source.ts | source.tsx | source.rust | source.go | "
    "source.java | source.c | source.c++ | source.cs | source.ruby | embedding.php | "
    "source.kotlin | source.lua | source.shell.bash"
)
_EMACS_BY_HAND = (
    r"(?m)^[^;\n]*\((?:require '|use-package!? |straight-use-package '\(?|elpaca \(?)"
    r"dgls\b"
)
_ZED_PROVIDER = "open_ai_compatible_api"


@dataclass(frozen=True, slots=True)
class Guide:
    """How to set up dgls in one editor.

    `text` belongs into `file`; `merge` puts it there. VS Code has no file: `text` is a command.
    `lacking` tells what the user's file leaves out on purpose or by mistake, "" if it is complete.
    `by_hand` tells why dgls does not write the file, if so. `accept` tells how to accept a
    suggestion. `version` is the command that prints the editor's version, and `least` the oldest
    version that can show suggestions.
    """

    title: str
    text: str
    accept: str
    file: Path | None = None
    merge: Merge | None = None
    lacking: Merge | None = None
    by_hand: str = ""
    notes: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    least: tuple[int, int] = (0, 0)
    program: str = "dgls"


def guide(editor: str) -> Guide:
    """The guide for an editor of `EDITORS`, for this machine."""
    return _GUIDES[editor](places.program())


def _neovim(program: str) -> Guide:
    """A separate file beside init.lua; vim.lsp.config is Neovim's (`:help lsp-config`)."""
    command = "" if program == "dgls" else _lua_command(program)
    text = (
        f"-- {MARK}; dgls editor neovim --write makes it anew.\n"
        f"vim.opt.runtimepath:append({_quoted(str(places.shipped('neovim')))})\n"
        f"{command}require('dgls').setup()\n"
    )
    return Guide(
        title="Neovim",
        text=text,
        accept="<Tab> accepts; <M-Right> accepts the next word; <M-]> shows another; gF fills "
        "a gap.",
        file=places.neovim(),
        merge=own_file(text),
        notes=("Other keys: setup({ keys = { accept = '<C-y>' } }); :checkhealth dgls.",),
        version=("nvim", "--version"),
        least=(0, 12),
        program=program,
    )


def _lua_command(program: str) -> str:
    return f"vim.lsp.config('dgls', {{ cmd = {{ {_quoted(program)}, 'lsp' }} }})\n"


def _emacs(program: str) -> Guide:
    """Lines for the init file; Eglot is part of Emacs (Eglot manual, "Setting Up LSP Servers")."""
    server = ""
    if program != "dgls":
        server = (
            "  (add-to-list 'eglot-server-programs\n"
            f"               '((python-mode python-ts-mode) . (dgls-server {_quoted(program)} "
            '"lsp")))\n'
        )
    text = (
        f"(add-to-list 'load-path {_quoted(str(places.shipped('emacs')))})\n"
        "(when (require 'dgls nil t)\n"
        f"{server}"
        "  (add-hook 'python-base-mode-hook #'eglot-ensure))\n"
    )
    spacemacs = places.spacemacs()
    return Guide(
        title="Emacs",
        text=text,
        accept="TAB accepts; M-x dgls-suggest shows several; M-x dgls-fill fills the gap here.",
        file=spacemacs or places.emacs(),
        merge=block(text, ";;", _EMACS_BY_HAND),
        by_hand="Spacemacs needs the lines inside dotspacemacs/user-config" if spacemacs else "",
        notes=("Eglot runs one server per buffer; these lines choose dgls for Python buffers.",),
        version=("emacs", "--version"),
        least=(30, 1),
        program=program,
    )


def _helix(program: str) -> Guide:
    """https://docs.helix-editor.com/languages.html, "Language Server configuration"."""
    shipped = places.shipped("helix/languages.toml").read_text(encoding="utf-8")
    text = shipped.replace('command = "dgls"', f"command = {_quoted(program)}")
    return Guide(
        title="Helix",
        text=text,
        accept="C-n and Enter accept the menu's item 'dgls'; space a fills the gap here.",
        file=places.helix(),
        merge=helix_languages(text),
        lacking=helix_without(text),
        notes=("hx --health python shows what Helix found.",),
        program=program,
    )


def _vscode(program: str) -> Guide:
    """https://code.visualstudio.com/docs/configure/command-line"""
    packaged = places.extension()
    text = "" if packaged else "make vsix        # in a checkout of dgls; needs npm and Node 20\n"
    text += f"code --install-extension {packaged or 'dist/dgls.vsix'}\n"
    notes = ["It looks for dgls in .venv of the workspace, on the PATH and in ~/.local/bin."]
    if program != "dgls":
        notes.append(f'Setting "dgls.server.command": [{_quoted(program)}] names this one.')
    return Guide(
        title="VS Code",
        text=text,
        accept="Tab accepts; Ctrl+Right accepts the next word; Ctrl+Alt+Space fills the gap here.",
        notes=tuple(notes),
        program=program,
    )


def _zed(program: str) -> Guide:
    """Zed starts no unknown servers, but its edit prediction can query one itself.

    https://zed.dev/docs/ai/edit-prediction, provider `open_ai_compatible_api`.
    """
    own = {
        "api_url": COMPLETIONS_URL,
        "model": "dgls",
        "prompt_format": "star_coder",
        "max_output_tokens": 64,
    }
    values = {"edit_predictions": {"provider": _ZED_PROVIDER, _ZED_PROVIDER: own}}
    return Guide(
        title="Zed",
        text=_json(values),
        accept="Tab accepts an edit prediction (Alt-Tab or Alt-L while the completion menu "
        "is open).",
        file=places.zed(),
        merge=json_keys(values),
        notes=(
            f"Zed asks a port: keep `{program} serve --port {PORT}` running.",
            "Zed does not send the language, so dgls assumes Python.",
        ),
        program=program,
    )


def _kate(program: str) -> Guide:
    """Kate handbook, "LSP Client Plugin": the user's entries override Kate's own."""
    values = {
        "servers": {
            "python": {
                "command": [program, "lsp"],
                "url": "https://pypi.org/project/dgls/",
                "highlightingModeRegex": "^Python$",
            }
        }
    }
    return Guide(
        title="Kate",
        text=_json(values),
        accept="Enter or Tab accepts the item of the completion menu (Ctrl+Space opens it).",
        file=places.kate(),
        merge=json_keys(values),
        notes=(
            "Switch the plugin LSP Client on (Settings, Configure Kate, Plugins).",
            "Kate runs one server per language: dgls replaces pylsp.",
        ),
        program=program,
    )


def _sublime(program: str) -> Guide:
    """https://lsp.sublimetext.io/client_configuration/, "Custom client configuration"."""
    client = {"enabled": True, "command": [program, "lsp"], "selector": _SUBLIME_SCOPES}
    return Guide(
        title="Sublime Text",
        text=_json({"clients": {"dgls": client}}),
        accept="Tab or Enter accepts the item of the completion menu (Ctrl+Space opens it).",
        file=places.sublime(),
        merge=json_keys({"clients": {"dgls": client}}),
        notes=("Install the package LSP first (Package Control: Install Package, LSP).",),
        program=program,
    )


def _json(values: object) -> str:
    return json.dumps(values, indent=2) + "\n"


def _quoted(text: str) -> str:
    """A string of Lua, Emacs Lisp or TOML; for paths their escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)


_GUIDES: dict[str, Callable[[str], Guide]] = {
    "neovim": _neovim,
    "vscode": _vscode,
    "helix": _helix,
    "emacs": _emacs,
    "zed": _zed,
    "kate": _kate,
    "sublime": _sublime,
}

EDITORS = tuple(_GUIDES)
"""The editors that dgls can be set up in."""
