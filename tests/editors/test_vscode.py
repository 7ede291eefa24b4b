"""dgls in a real VS Code: ghost text, accept, fills, status, settings, a killed server.

`tests/editors/install_vscode.sh` installs it and `make vsix` makes the extension. One window serves
all tests, because its start takes most of the time. The model is one that has memorized a file or,
where a test says so, one that the real training code has overfitted on `fixtures/overfit`.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.engine import last_request
from tests.editors.files import AREA, HEAD, SHAPES
from tests.editors.home import engine_environment, write_program
from tests.editors.vscode import CHROMIUM, CODE_SERVER, PACKAGE, VSCode

pytestmark = [
    pytest.mark.editor,
    pytest.mark.skipif(
        not (CODE_SERVER.exists() and CHROMIUM.exists()),
        reason="VS Code is not installed; run tests/editors/install_vscode.sh",
    ),
    pytest.mark.skipif(not PACKAGE.exists(), reason="There is no extension; run make vsix"),
]

LAST = "    return side * side"
BEFORE, _, AFTER = SHAPES.partition(f"    {AREA}")
CART = "def total(items, tax):\n    net = sum(items)\n    return len(items) * net\n"
CELL = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
NOTEBOOK = {
    "cells": [{**CELL, "source": ["x = 1\n"]}],
    "metadata": {"language_info": {"name": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}

FILES = {
    "first.py": "x = 1\n",
    "tab.py": HEAD,
    "word.py": HEAD,
    "along.py": HEAD,
    "shapes.py": BEFORE + AFTER,
    "hole.py": HEAD + "    pass",
    "asked.py": HEAD + "    return ",
    "why.py": HEAD,
    "selected.py": HEAD + "    return 4 * 4",
    "paused.py": HEAD,
    "settings.py": HEAD,
    "rests.py": "width = \n" + HEAD,
    "killed.py": HEAD,
    "renamed.py": CART,
    "book.ipynb": json.dumps(NOTEBOOK),
}
"""The workspace, a file for each test. They exist before the window opens."""

KNOWN = {"dgls.engine.backend": "tests.editors.backend:oracle"}


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory, engine_folder: Path) -> Iterator[VSCode]:
    """One window on a workspace that has no server yet."""
    home, workspace = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("workspace")
    for name, text in FILES.items():
        (workspace / name).write_text(text, encoding="utf-8")
    with VSCode(home, workspace, engine_environment(engine_folder)) as vscode:
        yield vscode


@pytest.fixture
def code(window: VSCode) -> VSCode:
    """The window with a server in `.venv` and the model that has memorized a file."""
    window.settings(KNOWN)
    if not window.servers():
        write_program(window.workspace / ".venv" / "bin" / "dgls")
        window.open("first.py")
        window.until(window.status, "the extension")
        window.command("dgls: Restart the Server")
    window.until(window.servers, "a server")
    return window


def test_without_a_server_vscode_says_how_to_install_one(window: VSCode) -> None:
    window.open("first.py")

    window.until_status("the server is not installed")
    window.until(
        lambda: "neither in the active Python environment" in window.messages(), "a message"
    )
    window.page.get_by_text("How to install it").click()
    window.page.get_by_text("Get started with dgls").first.wait_for()


def test_a_suggestion_is_ghost_text_and_tab_accepts_it(code: VSCode) -> None:
    code.open("tab.py")

    code.type("    return")
    code.type_until_ghost(" ", "side * side")
    code.press("Tab")

    code.until_saved("tab.py", HEAD + LAST)
    assert code.ghost() == ""


def test_accepting_a_word_keeps_the_rest(code: VSCode) -> None:
    code.open("word.py")

    code.type("    return")
    code.type_until_ghost(" ", "side * side")
    code.press("Control+ArrowRight")

    code.until_ghost(" * side")
    code.press("Tab")
    code.until_saved("word.py", HEAD + LAST)


def test_typing_along_keeps_the_suggestion_and_other_text_removes_it(
    code: VSCode,
) -> None:
    code.open("along.py")

    code.type("    return")
    code.type_until_ghost(" ", "side * side")
    code.type("si")
    code.until_ghost("de * side")
    code.type("x")
    code.until_ghost("")


def test_a_trained_model_suggests_what_it_was_trained_on(code: VSCode, overfitted: str) -> None:
    code.settings({"dgls.model.name": overfitted})
    code.open("shapes.py")
    code.go_to_line(1 + BEFORE.count("\n"))

    code.type_until_ghost("    ", AREA)
    code.press("Tab")

    code.until_saved("shapes.py", SHAPES)


def test_fill_here_fills_the_hole_at_the_cursor_and_undo_reverts_it(code: VSCode) -> None:
    code.open("hole.py")

    code.command("dgls: Fill Here")
    code.until_saved("hole.py", HEAD + LAST)

    code.press("Control+z")
    code.until_saved("hole.py", HEAD + "    pass")


def test_fill_here_without_a_hole_suggests_candidates_to_cycle_through(code: VSCode) -> None:
    code.settings({**KNOWN, "dgls.show.automatic": False})
    code.open("asked.py")

    code.command("dgls: Fill Here")
    code.until_ghost("side * side")
    code.press("Alt+BracketRight")
    code.until_ghost("side")


def test_why_explains_the_place_in_a_dialog(code: VSCode) -> None:
    code.open("why.py")
    code.until_status("oracle")

    code.type("    return ")
    code.command("dgls: Why?")
    dialog = code.page.locator(".monaco-dialog-box")
    dialog.wait_for()

    assert "Shown when asked: 'side * side'" in dialog.inner_text()
    assert "\n1. 'side * side'" in dialog.inner_text()
    code.press("Escape")


def test_the_slider_says_how_much_of_a_selection_changes(code: VSCode) -> None:
    code.open("selected.py")

    code.press("Shift+Home")
    code.press("Control+Alt+r")
    code.choose("20 %")

    code.until_saved("selected.py", HEAD + "    return side * side  # 0.2")


def test_the_menu_of_the_status_bar_pauses_and_resumes(code: VSCode) -> None:
    code.open("paused.py")
    code.type("    return")
    code.type_until_ghost(" ", "side * side")
    code.until_status("oracle")

    code.page.locator('[id="dgls.dgls.dgls.status"]').click()
    code.choose("Pause suggestions")
    code.choose("For an hour")
    code.until_status("suggestions are paused")
    code.press("Backspace")
    code.page.wait_for_timeout(1000)
    assert code.ghost() == ""

    code.command("dgls: Resume Suggestions")
    code.until_status("oracle")
    code.type(" ")
    code.until_ghost("side * side")


def test_a_changed_setting_applies_without_a_restart(code: VSCode) -> None:
    code.settings({**KNOWN, "dgls.show.languages_off": ["python"]})
    code.open("settings.py")
    before = code.servers()

    code.type("    return ")
    code.until_status("switched off for this language")
    assert code.ghost() == ""
    code.settings(KNOWN)
    code.press("Backspace")
    code.type_until_ghost(" ", "side * side")

    assert code.servers() == before


def test_the_other_places_of_an_edit_are_stepped_through_as_an_inline_diff(code: VSCode) -> None:
    code.open("renamed.py")
    # A server that starts after the edit would not know of it.
    code.until_status("oracle")
    code.go_to_line(1)
    code.press("Home", *["Control+ArrowRight"] * 2, "ArrowRight", "Control+Shift+ArrowRight")
    why = "`items` was renamed `lines`"
    offer = f"-items|+lines|+{why}"

    code.type("lines")
    code.until(lambda: code.next_edit() == offer, f"the inline diff {offer!r}")
    code.press("Alt+n")
    code.until(lambda: "Ln 2," in code.cursor(), "the place is reached")
    code.press("Alt+n")
    code.until(lambda: code.next_edit() == offer, "the next place")
    renamed = CART.replace("items", "lines", 2)
    code.until_saved("renamed.py", renamed)
    code.press("Escape")
    code.until(lambda: code.next_edit() == "", "dismissed")
    code.press("Control+z")
    code.until_saved("renamed.py", CART.replace("items", "lines", 1))


def test_the_line_is_filled_ahead_where_the_cursor_rests(code: VSCode, engine_folder: Path) -> None:
    code.open("rests.py")
    code.type("    return 1")
    code.press("Escape")
    code.go_to_line(1)

    def is_filled() -> bool:
        last = last_request(engine_folder, "tests.editors.backend:oracle")
        return last is not None and last.path == "rests.py" and last.parts[0] == "width = "

    code.until(is_filled, "a fill at the cursor")


def test_a_killed_server_restarts_with_the_open_documents(code: VSCode) -> None:
    code.open("killed.py")
    (before,) = code.servers()

    os.kill(before, signal.SIGKILL)
    code.until(lambda: code.servers() not in ([], [before]), "another server")
    code.type("    return")

    code.type_until_ghost(" ", "side * side")


def test_a_buffer_without_a_name_is_completed(code: VSCode) -> None:
    code.settings({**KNOWN, "files.defaultLanguage": "python"})

    code.command("New Untitled Text File")
    code.type("ANSWER =")

    code.type_until_ghost(" ", "42")


def test_a_cell_of_a_notebook_is_completed(code: VSCode) -> None:
    code.open("book.ipynb")

    code.page.locator(".notebook-editor .cell .view-lines").first.click()
    code.press("Control+End")
    code.type("ANSWER =")

    code.type_until_ghost(" ", "42")
