"""Configurations written by `dgls editor EDITOR --write`, read by the real editor."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.editors import emacs, helix, neovim
from tests.editors.files import HEAD
from tests.editors.home import BY_HEART, ROOT, START, own_home
from tests.editors.tmux import tmux_program

Warm = Callable[..., dict[str, str]]

FILLED = "return side * side"

pytestmark = pytest.mark.editor


def needs(program: Path, *, terminal: bool = False) -> None:
    """Skip, with the reason, if an editor is not installed."""
    if not program.exists() or (terminal and tmux_program() is None):
        pytest.skip(f"{program} or tmux is not installed; run tests/editors/install.sh")


def written(editor: str, home: dict[str, str]) -> str:
    """Write an editor's configuration as a user does; returns the output."""
    done = subprocess.run(
        [sys.executable, "-c", START, "editor", editor, "--write"],
        env=home,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_neovim_suggests_with_the_written_configuration(tmp_path: Path, warm: Warm) -> None:
    needs(neovim.PROGRAM)
    environment = warm(**BY_HEART)
    assert "plugin/dgls.lua." in written("neovim", own_home(tmp_path, environment))
    path = tmp_path / "shapes.py"
    path.write_text(HEAD, encoding="utf-8")
    with neovim.Neovim(tmp_path, environment, own=True) as editor:
        editor.edit(path)
        editor.keys("Goreturn si")
        editor.until(lambda: FILLED.startswith("return si" + editor.ghost()) and editor.ghost(), "")
        editor.keys("<Tab>")
        editor.until(lambda: FILLED in editor.text(), "the suggestion is accepted")


AS_LAZY_LOADS = """
vim.loader.enable()
vim.go.loadplugins = false
local config, runtime = vim.fn.stdpath('config'), vim.env.VIMRUNTIME
vim.opt.rtp = { config, runtime, vim.fn.fnamemodify(vim.v.progpath, ':p:h:h') .. '/lib/nvim' }
local spec = SPEC
if spec.dir then
  vim.opt.rtp:prepend(spec.dir)
  require(spec.main).setup(spec.opts)
end
for _, file in ipairs(vim.fn.glob(config .. '/plugin/**/*.lua', true, true)) do
  vim.cmd.source(file)
end
"""
"""Which plugins a manager loads instead of Neovim, and when (lazy.nvim's manual, "Startup")."""

SPECS = {
    "the file alone": "{}",
    "the file and the plugin's folder": (
        f"{{ dir = '{ROOT}/editors/neovim', main = 'dgls', opts = {{}} }}"
    ),
}


@pytest.mark.parametrize("spec", SPECS)
def test_neovim_starts_dgls_once_with_a_plugin_manager(
    spec: str, tmp_path: Path, warm: Warm
) -> None:
    needs(neovim.PROGRAM)
    environment = warm(**BY_HEART)
    written("neovim", own_home(tmp_path, environment))
    init = tmp_path / "CONFIG" / "nvim" / "init.lua"
    init.write_text(AS_LAZY_LOADS.replace("SPEC", SPECS[spec]), encoding="utf-8")
    path = tmp_path / "shapes.py"
    path.write_text(HEAD, encoding="utf-8")
    with neovim.Neovim(tmp_path, environment, own=True) as editor:
        editor.edit(path)
        assert editor.lua("return #vim.lsp.get_clients({ name = 'dgls' })") == 1
        assert editor.lua("return #vim.api.nvim_get_autocmds({ group = 'dgls.cursor' })") == 2
        editor.keys("Goreturn si")
        editor.until(lambda: FILLED.startswith("return si" + editor.ghost()) and editor.ghost(), "")


def test_helix_suggests_with_the_written_configuration(tmp_path: Path, warm: Warm) -> None:
    needs(helix.PROGRAM, terminal=True)
    home = own_home(tmp_path, warm(**BY_HEART))
    languages = tmp_path / "CONFIG" / "helix" / "languages.toml"
    languages.parent.mkdir(parents=True)
    # A language that the user has configured gets dgls too.
    languages.write_text('[[language]]\nname = "python"\nlanguage-servers = ["pylsp"]\n')
    assert "languages.toml." in written("helix", home)
    path = tmp_path / "shapes.py"
    path.write_text(HEAD, encoding="utf-8")
    with helix.configured_helix(tmp_path, path, home) as pane:
        pane.until(lambda: helix.is_connected(tmp_path), "dgls has answered")
        pane.type("georeturn si")
        # Helix ignores an answer that takes longer than a second.
        pane.ask_until(lambda: pane.keys("C-x"), "side * side")


def test_emacs_suggests_with_the_written_configuration(tmp_path: Path, warm: Warm) -> None:
    needs(emacs.PROGRAM, terminal=True)
    environment = warm(**BY_HEART)
    home = own_home(tmp_path, environment)
    assert "init.el." in written("emacs", home)
    lines = (tmp_path / ".emacs.d" / "init.el").read_text(encoding="utf-8")
    path = tmp_path / "shapes.py"
    path.write_text(HEAD, encoding="utf-8")
    with emacs.Emacs(tmp_path, path, environment, own=lines) as editor:
        editor.pane.keys("M->")
        editor.pane.type("    return si")
        editor.pane.until(lambda: "de * side" in editor.ghost(), "a suggestion is shown")


def test_emacs_suggests_with_the_use_package_line_of_the_docs(tmp_path: Path, warm: Warm) -> None:
    needs(emacs.PROGRAM, terminal=True)
    page = (ROOT / "docs" / "editors" / "emacs.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"`(\(use-package dgls [^`]*)`", page)
    path = tmp_path / "shapes.py"
    path.write_text(HEAD, encoding="utf-8")
    own = line.replace("FOLDER", str(ROOT / "editors" / "emacs"))
    with emacs.Emacs(tmp_path, path, warm(**BY_HEART), own=own) as editor:
        editor.pane.keys("M->")
        editor.pane.type("    return si")
        editor.pane.until(lambda: "de * side" in editor.ghost(), "a suggestion is shown")
