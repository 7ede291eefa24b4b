"""The laptop model in a real terminal: Helix's menu, Emacs's preview, and `dgls fill --watch`."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from tests.editors import emacs, helix
from tests.editors.home import ROOT, own_home
from tests.editors.picture import EDITORS, draw
from tests.editors.places import AFTER_A_DOT, AFTER_ENTER, NAME, STATISTICS
from tests.editors.tmux import Pane, tmux_program

pytestmark = [
    pytest.mark.editor,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.skipif(tmux_program() is None, reason="tmux is not installed"),
]


@pytest.mark.skipif(
    not helix.PROGRAM.exists(),
    reason="Helix is not installed; run tests/editors/install.sh helix",
)
def test_helix_offers_the_suggestion_in_its_menu(tmp_path: Path, laptop: dict[str, str]) -> None:
    path = tmp_path / NAME
    place = AFTER_A_DOT
    path.write_text(place.before, encoding="utf-8")
    line = place.typed + place.suggested

    # A Python linter on the PATH would put its marks into the text.
    alone = {**laptop, "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    with helix.helix(tmp_path, path, alone) as pane:
        pane.until(lambda: helix.is_connected(tmp_path), "dgls has answered")
        pane.type(f"{place.line}ggA")
        for key in place.typed:
            pane.type(key)
        # Helix ignores an answer that takes longer than a second.
        pane.ask_until(lambda: pane.keys("C-x"), place.suggested)
        pane.keys("C-n")
        pane.until_shown(f"return {line}\n")
        draw(pane, EDITORS / "helix.svg", "Helix: a suggestion of dgls in the completion menu")
        pane.keys("Enter", "Escape")
        pane.until_shown(" NOR ")
        pane.type(":w")
        pane.keys("Enter")
        pane.until(lambda: path.exists() and path.read_text() == STATISTICS, "saved")
    ast.parse(path.read_text())


@pytest.mark.skipif(
    not emacs.PROGRAM.exists(),
    reason="Emacs 30 is not installed; run tests/editors/install.sh emacs",
)
def test_emacs_shows_the_suggestion_after_enter(tmp_path: Path, laptop: dict[str, str]) -> None:
    path = tmp_path / NAME
    place = AFTER_ENTER
    path.write_text(place.before, encoding="utf-8")

    # In Emacs's default terminal colours a suggestion looks like ordinary text.
    theme = "(load-theme 'modus-vivendi t)"
    with emacs.Emacs(tmp_path, path, laptop, theme) as editor:
        goto = f"(goto-char 1) (forward-line {place.line - 1}) (end-of-line) (recenter)"

        def press_enter() -> None:
            editor.value(f"(progn (erase-buffer) (insert {json.dumps(place.before)}) {goto})")
            editor.pane.keys("Enter")

        # Eglot gives up after ten seconds.
        editor.pane.ask_until(press_enter, place.suggested)
        assert editor.ghost() == place.suggested
        draw(editor.pane, EDITORS / "emacs.svg", "Emacs: a suggestion of dgls after point")
        editor.pane.keys("Tab")
        editor.pane.until(lambda: editor.text() == STATISTICS, "accepted")


def test_a_fill_is_watched_in_the_terminal(tmp_path: Path, laptop: dict[str, str]) -> None:
    command = "dgls fill --watch fixtures/try/shop.py:19"
    with shell(command, tmp_path, laptop, height=36) as pane:
        pane.until_shown("prompt tokens cached")
        assert "cents += order.price * order.count" in pane.screen()
        draw(pane, ROOT / "docs" / "fill.svg", command)


def test_why_works_in_the_terminal(tmp_path: Path, laptop: dict[str, str]) -> None:
    command = "dgls why fixtures/try/shop.py:19"
    with shell(command, tmp_path, laptop, height=9) as pane:
        pane.until_shown("prompt tokens cached")
        assert "1. 'order.price * order.count'" in pane.screen()
        draw(pane, ROOT / "docs" / "why.svg", command)


def shell(command: str, folder: Path, environment: dict[str, str], height: int) -> Pane:
    """A terminal in the repository's root in which a command was typed."""
    script = f"cd {ROOT}; clear; echo '$ {command}'; {command}; exec cat"
    return Pane(["sh", "-c", script], folder, own_home(folder, environment), height)
