"""The laptop model in a real Neovim: a file is typed key by key, and suggestions are accepted."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.editors.home import ROOT
from tests.editors.neovim import PROGRAM, Neovim
from tests.editors.picture import EDITORS, are_pictures_wanted, draw
from tests.editors.places import AFTER_A_DOT, NAME, PLACES, STATISTICS, Place
from tests.editors.recording import Recording
from tests.editors.tmux import Pane, tmux_program

pytestmark = [
    pytest.mark.editor,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.skipif(
        not PROGRAM.exists(),
        reason="Neovim 0.12 is not installed; run tests/editors/install.sh",
    ),
]

CLOSES_BRACKETS = "vim.keymap.set('i', '(', '()<Left>')"
"""The essence of plugins that close brackets."""

STATUS_LINE = """vim.o.statusline = [[%f %=%{v:lua.require'dgls'.status()} ]]"""

KEY_S, READ_S = 0.12, 0.6
"""Seconds between two keys, and from a suggestion to the key that accepts it."""

Open = Callable[[str], Neovim]


@pytest.fixture
def opened(tmp_path: Path, laptop: dict[str, str]) -> Iterator[Open]:
    """Opens a file with this text in a new Neovim that closes brackets."""
    with ExitStack() as stack:

        def open_(text: str) -> Neovim:
            neovim = stack.enter_context(Neovim(tmp_path, laptop))
            path = tmp_path / NAME
            path.write_text(text, encoding="utf-8")
            neovim.edit(path)
            neovim.lua(CLOSES_BRACKETS)
            neovim.lua(STATUS_LINE)
            return neovim

        yield open_


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_text_typed_key_by_key_gets_a_suggestion(opened: Open, place: Place) -> None:
    neovim = opened(place.before)

    type_at(neovim, place)
    neovim.until(lambda: neovim.ghost() == place.suggested, f"the ghost text {place.suggested!r}")
    neovim.keys("<Tab>")

    neovim.until(lambda: neovim.text() == STATISTICS, "accepted")
    ast.parse(neovim.text())
    assert neovim.messages() == []


@pytest.mark.skipif(tmux_program() is None, reason="tmux is not installed")
def test_the_suggestion_is_on_the_screen(opened: Open) -> None:
    neovim = opened(AFTER_A_DOT.before)

    with neovim.screen() as screen:
        type_at(neovim, AFTER_A_DOT)
        screen.until_shown(AFTER_A_DOT.typed + AFTER_A_DOT.suggested)
        draw(screen, EDITORS / "neovim.svg", "Neovim: a suggestion of dgls at the cursor")


@pytest.mark.skipif(tmux_program() is None, reason="tmux is not installed")
def test_a_file_is_typed_in_real_time(opened: Open) -> None:
    """Also records `docs/typing.svg`, if pictures are wanted."""
    before = STATISTICS
    for place in PLACES:
        before = place.taken_from(before)
    neovim = opened(before)

    with neovim.screen() as screen:
        screen.until_shown("Statistics")
        with Recording(screen) as recording:
            for place in PLACES:
                type_on(screen, place)
                neovim.until(lambda place=place: neovim.ghost() == place.suggested, place.name)
                time.sleep(READ_S)
                screen.keys("Tab")
                neovim.until(lambda: not neovim.ghost(), "accepted")
                screen.keys("Escape")
            neovim.until(lambda: neovim.text() == STATISTICS, "the whole file")
        if are_pictures_wanted():
            recording.write(ROOT / "docs" / "typing.svg", "Neovim with dgls, in real time")


def type_on(screen: Pane, place: Place) -> None:
    """Go to the end of the place's line and type in a terminal, as a fast typist does."""
    screen.type(f":{place.line}")
    screen.keys("Enter")
    screen.type("zzA")
    for key in place.typed:
        time.sleep(KEY_S)
        screen.keys("Enter") if key == "\n" else screen.type(key)


def type_at(neovim: Neovim, place: Place) -> None:
    """Type at the end of the place's line, one key after the other."""
    neovim.lua(f"vim.api.nvim_win_set_cursor(0, {{ {place.line}, 0 }})")
    neovim.keys("zzA")
    for key in place.typed:
        neovim.keys("<CR>" if key == "\n" else key)
