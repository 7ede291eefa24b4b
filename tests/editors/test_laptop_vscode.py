"""The laptop model in a real VS Code: a file is typed key by key, and suggestions are accepted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.editors.home import write_program
from tests.editors.picture import EDITORS, are_pictures_wanted
from tests.editors.places import AFTER_A_DOT, PLACES, STATISTICS, Place
from tests.editors.vscode import CHROMIUM, CODE_SERVER, PACKAGE, VSCode

pytestmark = [
    pytest.mark.editor,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CODE_SERVER.exists() and CHROMIUM.exists()),
        reason="VS Code is not installed; run tests/editors/install_vscode.sh",
    ),
    pytest.mark.skipif(not PACKAGE.exists(), reason="There is no extension; run make vsix"),
]


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory, laptop: dict[str, str]) -> Iterator[VSCode]:
    """One window on a folder with a file for each place, and a server in its `.venv`."""
    home, workspace = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("workspace")
    for place in PLACES:
        (workspace / file_of(place)).write_text(place.before, encoding="utf-8")
    write_program(workspace / ".venv" / "bin" / "dgls")
    with VSCode(home, workspace, laptop) as vscode:
        yield vscode


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_text_typed_key_by_key_gets_a_suggestion(window: VSCode, place: Place) -> None:
    name = file_of(place)
    window.open(name)
    window.until_status("Qwen2.5-Coder 0.5B")
    window.go_to_line(place.line)

    window.type_keys(place.typed)
    window.until_ghost(place.suggested)
    if place is AFTER_A_DOT and are_pictures_wanted():
        window.picture(EDITORS / "vscode.png")
    window.press("Tab")

    window.until_saved(name, STATISTICS)
    ast.parse(window.saved(name))
    assert window.messages() == ""


def file_of(place: Place) -> str:
    """The name of the place's file."""
    return place.name.replace(" ", "_") + ".py"
