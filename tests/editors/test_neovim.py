"""dgls in a real Neovim: ghost text, accept, undo, code actions.

`tests/editors/install_neovim.sh` installs it. The model is one that the real training code has
overfitted on `fixtures/overfit`, or where only the editor matters one that knows a file by heart.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dgls.client.endpoint import endpoints
from dgls.client.stop import stop
from dgls.config import Settings, changed
from tests.editors.neovim import PROGRAM, ROOT, Neovim

pytestmark = [
    pytest.mark.editor,
    pytest.mark.skipif(
        not PROGRAM.exists(),
        reason="Neovim 0.12 is not installed; run tests/editors/install_neovim.sh",
    ),
]

SHAPES = (ROOT / "fixtures" / "overfit" / "shapes.py").read_text(encoding="utf-8")
AREA = "return math.pi * radius ** 2"
HEAD = 'def square_area(side):\n    """Return the area of a square."""\n'

Open = Callable[..., Neovim]


@pytest.fixture(scope="module")
def engine_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the engines of this file's tests listen; they end with the last test."""
    folder = tmp_path_factory.mktemp("e")
    yield folder

    async def stop_all() -> None:
        for endpoint in endpoints(changed(Settings(), {"engine.folder": str(folder)})):
            await stop(endpoint)

    asyncio.run(stop_all())


@pytest.fixture
def opened(tmp_path: Path, engine_folder: Path) -> Iterator[Open]:
    """Opens a file with this text in a new Neovim, which ends with the test."""
    with ExitStack() as stack:

        def open_(text: str, **settings: str) -> Neovim:
            environment = {
                "PYTHONPATH": str(ROOT),
                "DGLS_ENGINE_FOLDER": str(engine_folder),
                "DGLS_ENGINE_START_SECONDS": "60",
                **settings,
            }
            neovim = stack.enter_context(Neovim(tmp_path, environment))
            path = tmp_path / "shapes.py"
            path.write_bytes(text.encode())
            neovim.edit(path)
            return neovim

        yield open_


@pytest.fixture
def by_heart(opened: Open) -> Open:
    """As `opened`, with the model that knows a file by heart."""
    return lambda text: opened(text, DGLS_ENGINE_BACKEND="tests.editors.backend:oracle")


@pytest.fixture(scope="module")
def overfitted() -> str:
    """The folder of a checkpoint that was really trained."""
    from tests.support.overfit import overfitted_checkpoint

    return str(overfitted_checkpoint())


def test_a_trained_model_suggests_in_ghost_text_that_is_accepted_and_undone(
    opened: Open, overfitted: str
) -> None:
    before = SHAPES.replace(AREA, "")
    neovim = opened(before, DGLS_MODEL_NAME=overfitted)

    neovim.keys("/radius must not be negative<CR>jA")
    neovim.until(neovim.ghost, "ghost text")
    assert neovim.ghost() == AREA
    assert neovim.text() == before

    neovim.lua("vim.lsp.inline_completion.get()")
    neovim.until(lambda: neovim.text() == SHAPES, "accepted")
    assert neovim.ghost() == ""

    neovim.keys("<Esc>u")
    neovim.until(lambda: neovim.text() == before, "undone")
    assert neovim.messages() == []


def test_a_trained_model_fills_a_hole_as_a_code_action(opened: Open, overfitted: str) -> None:
    with_hole = SHAPES.replace(AREA, "pass")
    neovim = opened(with_hole, DGLS_MODEL_NAME=overfitted)

    neovim.keys("/pass<CR>")
    neovim.lua("vim.lsp.buf.code_action({ apply = true })")
    neovim.until(lambda: neovim.text() == SHAPES, "filled")

    neovim.keys("u")
    neovim.until(lambda: neovim.text() == with_hole, "undone")
    assert neovim.messages() == []


def test_typing_the_suggestion_shortens_it_and_accepting_leaves_nothing_behind(
    by_heart: Open,
) -> None:
    neovim = by_heart(HEAD)
    neovim.lua("require('dgls').map('<Tab>')")

    neovim.keys("Goreturn ")
    neovim.until(lambda: neovim.ghost() == "side * side", "ghost text")
    # In one breath: what was typed has not been answered when the key comes.
    neovim.keys("side<Tab>")

    neovim.until(lambda: neovim.text() == HEAD + "    return side * side\n", "accepted")
    neovim.keys("<Esc>u")
    neovim.until(lambda: neovim.text() == HEAD + "    return side\n", "the suggestion undone")


def test_a_key_without_a_suggestion_stays_what_it_is(by_heart: Open) -> None:
    neovim = by_heart("x = 1\n")
    neovim.lua("require('dgls').map('<Tab>')")

    neovim.keys("A<Tab>y<Esc>")

    neovim.until(lambda: re.fullmatch(r"x = 1\s+y\n", neovim.text()), "white space")


def test_typing_something_else_takes_the_suggestion_away(by_heart: Open) -> None:
    neovim = by_heart(HEAD)

    neovim.keys("Goreturn ")
    neovim.until(neovim.ghost, "ghost text")
    neovim.keys("x")

    neovim.until(lambda: not neovim.ghost(), "no ghost text")
    neovim.lua("vim.lsp.inline_completion.get()")
    neovim.keys("y")
    neovim.until(lambda: neovim.text() == HEAD + "    return xy\n", "typed on")


@pytest.mark.parametrize("bad", ["x = 1\r\ny = 2  # a\rb\n", "\ufeffx = '😀'\n", "\tif (:\n"])
def test_in_a_file_that_is_a_mess_everything_goes_where_the_cursor_is(
    by_heart: Open, bad: str
) -> None:
    neovim = by_heart(bad + HEAD + "    pass\n")
    first, _, rest = neovim.text().partition("\n")

    # A change behind a \r and behind four-byte characters, then an edit below it.
    neovim.keys("ggA # 😀<Esc>G^")
    neovim.lua("vim.lsp.buf.code_action({ apply = true })")
    filled = rest.replace("    pass\n", "    return side * side\n")
    neovim.until(lambda: neovim.text() == f"{first} # 😀\n{filled}", "filled")

    neovim.keys("Go0<C-d>ANSWER = ")
    neovim.until(neovim.ghost, "ghost text")
    neovim.lua("vim.lsp.inline_completion.get()")
    answered = f"{first} # 😀\n{filled}ANSWER = 42\n"
    neovim.until(lambda: neovim.text() == answered, "accepted")
    assert neovim.messages() == []
