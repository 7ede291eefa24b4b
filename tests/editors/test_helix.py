"""dgls in a real Helix: the completion menu, code actions, settings.

`tests/editors/install.sh` installs it. Helix has no inline completion, so a suggestion is one item
of its menu.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.editors.files import AREA, HEAD, SHAPES
from tests.editors.helix import PROGRAM, helix, is_connected
from tests.editors.home import BY_HEART
from tests.editors.tmux import Pane, tmux_program

pytestmark = [
    pytest.mark.editor,
    pytest.mark.skipif(
        not PROGRAM.exists() or tmux_program() is None,
        reason="Helix or tmux is not installed; run tests/editors/install.sh helix tmux",
    ),
]

Open = Callable[..., Pane]
Warm = Callable[..., dict[str, str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The edited file."""
    return tmp_path / "shapes.py"


@pytest.fixture
def opened(path: Path, warm: Warm) -> Iterator[Open]:
    """Opens a text in a new Helix, which ends with the test; keywords are settings of dgls."""
    with ExitStack() as stack:

        def open_(text: str, *, config: str = "", **settings: str) -> Pane:
            path.write_text(text, encoding="utf-8")
            pane = stack.enter_context(helix(path.parent, path, warm(**settings), config))
            pane.until(lambda: is_connected(path.parent), "dgls has answered")
            return pane

        yield open_


def test_a_trained_model_suggests_in_the_menu_and_the_item_is_accepted_and_undone(
    opened: Open, path: Path, overfitted: str
) -> None:
    before = SHAPES.replace(AREA, "")
    line = before[: SHAPES.index(AREA)].count("\n") + 1
    pane = opened(before, DGLS_MODEL_NAME=overfitted)

    pane.type(f"{line}ggA")
    pane.keys("C-x")
    pane.until_shown(AREA)
    pane.keys("C-n")
    pane.until_shown(f"   {AREA}\n")
    pane.keys("Enter")
    saved(pane, path, SHAPES)
    pane.type("u")
    saved(pane, path, before)


def test_the_item_replaces_the_word_that_was_typed(opened: Open, path: Path) -> None:
    pane = opened(HEAD, **BY_HEART)

    pane.type("georeturn si")
    pane.until_shown("side * side")
    pane.keys("C-n")
    pane.until_shown("return side * side")
    pane.keys("Enter")

    saved(pane, path, HEAD + "    return side * side\n")


def test_a_code_action_fills_a_hole_after_wide_characters(opened: Open, path: Path) -> None:
    face = "faces = '😀😀'; "
    pane = opened(HEAD + "    pass  # 😀\n", **BY_HEART)

    pane.type(f"ggi{face}")
    to_normal_mode(pane)
    pane.type("gegs a")
    pane.until_shown("Fill")
    pane.keys("Enter")
    pane.until_shown("return side * side")

    saved(pane, path, face + HEAD + "    return side * side  # 😀\n")


def test_a_code_action_changes_the_other_places_of_an_edit(opened: Open, path: Path) -> None:
    cart = "def total(items, tax):\n    net = sum(items)\n    return net * len(items)\n"
    pane = opened(cart, **BY_HEART)

    pane.type("gg/items")
    pane.keys("Enter")
    pane.type("clines")
    to_normal_mode(pane)
    pane.type(" a")
    pane.until_shown("Apply the change to the 2 other places")
    pane.keys("Enter")
    pane.until_shown("len(lines)")

    saved(pane, path, cart.replace("items", "lines"))


def test_settings_come_from_languages_toml_and_a_bad_one_is_named(opened: Open) -> None:
    pane = opened(HEAD, config="config = { show = { threshold = 7 } }", **BY_HEART)

    pane.until_shown("show.threshold")


def saved(pane: Pane, path: Path, wanted: str) -> None:
    """Save the editor's text and wait until the file is as wanted."""
    to_normal_mode(pane)
    pane.type(":w")
    pane.keys("Enter")

    def is_as_wanted() -> bool:
        # While it saves, Helix moves the old file away before the new one exists.
        with contextlib.suppress(FileNotFoundError):
            return path.read_text(encoding="utf-8") == wanted
        return False

    pane.until(is_as_wanted, "the file is as wanted")


def to_normal_mode(pane: Pane) -> None:
    """Press Escape and wait, because with the next key at once it would be Alt and that key."""
    pane.keys("Escape")
    pane.until_shown(" NOR ")
