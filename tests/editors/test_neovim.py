"""dgls in a real Neovim: ghost text, accept, undo, code actions, status, health, help.

`tests/editors/install.sh` installs it. The model was overfitted by the real training code on
`fixtures/overfit`, or, if only the editor matters, is one that has memorized a file.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dgls import __version__
from tests.editors.engine import last_request
from tests.editors.files import AREA, HEAD, SHAPES
from tests.editors.home import BY_HEART, ROOT, engine_environment
from tests.editors.neovim import PROGRAM, Neovim
from tests.editors.tmux import tmux_program

pytestmark = [
    pytest.mark.editor,
    pytest.mark.skipif(
        not PROGRAM.exists(),
        reason="Neovim 0.12 is not installed; run tests/editors/install.sh",
    ),
]


Open = Callable[..., Neovim]

SHORT = "return require('dgls').status({ short = true })"


@pytest.fixture
def opened(tmp_path: Path, engine_folder: Path) -> Iterator[Open]:
    """Opens a file with this text in a new Neovim, which ends with the test."""
    with ExitStack() as stack:

        def open_(text: str, **settings: str) -> Neovim:
            environment = {**engine_environment(engine_folder), **settings}
            neovim = stack.enter_context(Neovim(tmp_path, environment))
            path = tmp_path / "shapes.py"
            path.write_bytes(text.encode())
            neovim.edit(path)
            return neovim

        yield open_


@pytest.fixture
def by_heart(opened: Open) -> Open:
    """As `opened`, with the model that has memorized a file."""
    return lambda text, **settings: opened(text, **BY_HEART, **settings)


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


def test_typing_shortens_the_suggestion_and_accepting_takes_the_rest(
    by_heart: Open,
) -> None:
    neovim = by_heart(HEAD)

    neovim.keys("Goreturn ")
    neovim.until(lambda: neovim.ghost() == "side * side", "ghost text")
    # At once: the typed text has not been answered when the key arrives.
    neovim.keys("side<Tab>")

    neovim.until(lambda: neovim.text() == HEAD + "    return side * side\n", "accepted")
    neovim.keys("<Esc>u")
    neovim.until(lambda: neovim.text() == HEAD + "    return side\n", "the suggestion undone")


def test_the_line_is_filled_ahead_where_the_cursor_rests(
    by_heart: Open, engine_folder: Path
) -> None:
    neovim = by_heart("width = \n" + HEAD)
    neovim.until(lambda: neovim.lua("return #vim.lsp.get_clients()") == 1, "the server")

    neovim.keys("Go    return 1<Esc>gg")

    def is_filled() -> bool:
        last = last_request(engine_folder, BY_HEART["DGLS_ENGINE_BACKEND"])
        return last is not None and last.parts[0] == "width = "

    neovim.until(is_filled, "a fill at the end of the cursor's line")


def test_without_a_suggestion_the_keys_keep_their_meaning(by_heart: Open) -> None:
    neovim = by_heart("x = 1\n")

    neovim.keys("A<Tab>y<Esc>")

    neovim.until(lambda: re.fullmatch(r"x = 1\s+y\n", neovim.text()), "white space")


def test_typing_something_else_removes_the_suggestion(by_heart: Open) -> None:
    neovim = by_heart(HEAD)

    neovim.keys("Goreturn ")
    neovim.until(neovim.ghost, "ghost text")
    neovim.keys("x")

    neovim.until(lambda: not neovim.ghost(), "no ghost text")
    neovim.lua("vim.lsp.inline_completion.get()")
    neovim.keys("y")
    neovim.until(lambda: neovim.text() == HEAD + "    return xy\n", "typed on")


@pytest.mark.parametrize("bad", ["x = 1\r\ny = 2  # a\rb\n", "\ufeffx = '😀'\n", "\tif (:\n"])
def test_in_a_messy_file_edits_land_at_the_cursor(by_heart: Open, bad: str) -> None:
    neovim = by_heart(bad + HEAD + "    pass\n")
    first, _, rest = neovim.text().partition("\n")

    # A change after a \r and after four-byte characters, then an edit below it.
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


@pytest.mark.skipif(tmux_program() is None, reason="tmux is not installed")
def test_the_suggestion_of_a_trained_model_is_on_the_screen(opened: Open, overfitted: str) -> None:
    neovim = opened(SHAPES.replace(AREA, ""), DGLS_MODEL_NAME=overfitted)

    with neovim.screen() as screen:
        neovim.keys("/radius must not be negative<CR>jA")
        screen.until_shown(AREA)


def test_words_are_accepted_one_by_one_and_the_rest_stays_shown(by_heart: Open) -> None:
    neovim = by_heart(HEAD)

    neovim.keys("Goreturn ")
    neovim.until(lambda: neovim.ghost() == "side * side", "ghost text")
    neovim.keys("<M-Right><M-Right>")
    neovim.until(lambda: neovim.text() == HEAD + "    return side *\n", "two words")
    neovim.until(lambda: neovim.ghost() == " side", "the rest")
    neovim.keys("<Tab>")

    neovim.until(lambda: neovim.text() == HEAD + "    return side * side\n", "all of it")


def test_lines_of_a_requested_suggestion_are_accepted_one_by_one(
    by_heart: Open,
) -> None:
    neovim = by_heart("\n", DGLS_SHOW_AUTOMATIC="false")
    signature, *body = (HEAD + "    return side * side\n").splitlines()

    neovim.keys("idef square_area(<M-]>")
    neovim.until(lambda: neovim.ghost() == "\n".join(["side):", *body]), "ghost text")
    neovim.keys("<M-Down>")
    neovim.until(lambda: neovim.text() == f"{signature}\n", "the first line")
    neovim.keys("<M-Down>")
    neovim.until(lambda: neovim.text() == f"{signature}\n{body[0]}\n", "the second line")
    neovim.until(lambda: neovim.ghost() == f"\n{body[1]}", "the rest")
    neovim.keys("<Tab>")

    neovim.until(lambda: neovim.text() == HEAD + f"{body[1]}\n", "all of it")


def test_the_next_candidate_is_fetched_and_shown(by_heart: Open) -> None:
    neovim = by_heart(HEAD)

    neovim.keys("Goreturn ")
    neovim.until(lambda: neovim.ghost() == "side * side", "ghost text")
    neovim.keys("<M-]>")
    neovim.until(lambda: neovim.ghost() == "side (2/2)", "the second candidate")
    neovim.keys("<Tab>")

    neovim.until(lambda: neovim.text() == HEAD + "    return side\n", "accepted")


def test_the_statusline_shows_the_model_and_a_pause(by_heart: Open) -> None:
    neovim = by_heart(HEAD)
    status = "return require('dgls').status()"

    neovim.until(lambda: neovim.lua(SHORT) == "dgls", "ready")
    neovim.until(lambda: neovim.lua(status) == "dgls: oracle", "ready, in one line")
    neovim.lua("require('dgls').snooze(5)")
    neovim.keys("Goreturn ")

    neovim.until(lambda: neovim.lua(SHORT) == "dgls off", "off")
    assert "dgls.resume ends the pause" in neovim.lua(status)


def test_status_says_filling_while_an_asked_fill_takes_long(by_heart: Open) -> None:
    neovim = by_heart("# slowly\n" + HEAD, DGLS_SHOW_AUTOMATIC="false")
    status = "return require('dgls').status()"

    neovim.keys("Goreturn <M-]>")
    neovim.until(lambda: "filling now" in neovim.lua(status), "filling")
    neovim.until(lambda: neovim.ghost() != "", "the fill")
    assert "filling now" not in neovim.lua(status)


@pytest.mark.skipif(tmux_program() is None, reason="tmux is not installed")
def test_fill_of_a_gap_that_takes_long_is_announced(by_heart: Open) -> None:
    neovim = by_heart("# slowly\n" + HEAD + "    pass\n", DGLS_SHOW_AUTOMATIC="false")

    with neovim.screen() as screen:
        neovim.keys("GgF")
        screen.until_shown("dgls: filling ...")
        neovim.until(lambda: "return side * side" in neovim.text(), "filled")
        neovim.until(lambda: "filling" not in screen.screen(), "the message is gone")


def test_why_explains_the_place_at_the_cursor(by_heart: Open) -> None:
    neovim = by_heart(HEAD)

    neovim.keys("Goreturn <Esc>")
    neovim.keys("A<Esc>:DglsWhy<CR>")

    def explained() -> bool:
        return any("side * side'\n1. " in each for each in neovim.messages())

    neovim.until(explained, "the place is explained")


def test_checkhealth_finds_the_program_the_server_the_model_and_the_keys(by_heart: Open) -> None:
    neovim = by_heart(HEAD)
    neovim.until(lambda: neovim.lua(SHORT) == "dgls", "ready")

    neovim.keys(":checkhealth dgls<CR>")

    neovim.until(lambda: "the server runs in 1 buffer" in neovim.text(), "the report")
    report = neovim.text()
    assert f"OK dgls {__version__} is /" in report
    assert "OK oracle" in report
    assert "<Tab> accept, " in report
    assert "gF fill" in report
    assert "ERROR" not in report
    assert "WARNING" not in report


def test_checkhealth_names_what_is_wrong(by_heart: Open, tmp_path: Path) -> None:
    neovim = by_heart(HEAD)
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "editors" / "neovim", copy)

    neovim.lua("vim.keymap.set('i', '<Tab>', 'x', { desc = 'another plugin', buffer = 0 })")
    neovim.lua("vim.keymap.set('n', 'gF', 'gf', { desc = 'open a file' })")
    neovim.lua(f"vim.opt.runtimepath:append('{copy}')")
    neovim.lua("vim.lsp.inline_completion.enable(false)")
    neovim.keys(":checkhealth dgls<CR>")

    neovim.until(lambda: "the server runs" in neovim.text(), "the report")
    report = neovim.text()
    assert re.search(r"WARNING <Tab> \(accept, mode i\) is mapped to: another plugin", report)
    assert re.search(r"WARNING gF \(fill, mode n\) is mapped to: open a file", report)
    assert re.search(r"WARNING the plugin is on the runtimepath more than once", report)
    assert "WARNING inline completion is off" in report


def test_the_help_names_every_function_and_key(by_heart: Open, tmp_path: Path) -> None:
    help_file = ROOT / "editors" / "neovim" / "doc" / "dgls.txt"
    copied = tmp_path / "copy" / "doc"
    shutil.copytree(help_file.parent, copied)
    neovim = by_heart(HEAD)

    neovim.lua(f"vim.cmd.helptags('{copied}')")
    assert (copied / "tags").read_text() == (help_file.parent / "tags").read_text(), ":helptags"
    neovim.keys(":help dgls<CR>")
    neovim.until(lambda: "DiffusionGemma" in neovim.text(), "the help")
    functions = "return vim.tbl_filter(function(name) return name ~= 'keys' end, vim.tbl_keys(m))"
    for name in neovim.lua(f"local m = require('dgls') {functions}"):
        assert f"*dgls.{name}()*" in help_file.read_text(encoding="utf-8")
    for key in neovim.lua("return vim.tbl_values(require('dgls').keys)"):
        assert key in help_file.read_text(encoding="utf-8")
