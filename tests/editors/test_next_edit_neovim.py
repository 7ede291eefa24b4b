"""The other places of an edit in a real Neovim: shown as an inline diff, jumped to, applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.editors.home import BY_HEART, ROOT, engine_environment
from tests.editors.neovim import PROGRAM, Neovim
from tests.editors.picture import draw
from tests.editors.tmux import tmux_program

pytestmark = [
    pytest.mark.editor,
    pytest.mark.skipif(
        not PROGRAM.exists(),
        reason="Neovim 0.12 is not installed; run tests/editors/install.sh",
    ),
]

CART = "def total(items, tax):\n    net = sum(items)\n    return net * len(items)\n"
RENAMED = CART.replace("(items,", "(lines,", 1)
WHY = "  `items` was renamed `lines` · <M-n>"
SECOND, THIRD = f"2:-items|2:+lines|2:{WHY}", f"3:-items|3:+lines|3:{WHY}"

REQUESTS = """
local client = vim.lsp.get_clients({ name = 'dgls' })[1]
local request = client.request
answers, late, change = 0, nil, nil
function client:request(method, params, handler, buffer)
  if method ~= 'textDocument/copilotInlineEdit' then
    return request(self, method, params, handler, buffer)
  end
  local held = hold
  return request(self, method, params, function(err, result)
    if held then
      late = function() handler(err, result) end
    else
      for _, edit in ipairs(result.edits) do
        edit.textDocument.version = edit.textDocument.version + (ahead or 0)
      end
      handler(err, result)
    end
    answers = answers + 1
  end, buffer)
end
"""
"""Counts the answers; with `hold` one is held back as `late`, with `ahead` its version is wrong."""

Open = Callable[..., Neovim]


@pytest.fixture
def opened(tmp_path: Path, engine_folder: Path) -> Iterator[Open]:
    """Opens a file with this text in a new Neovim, which ends with the test."""
    with ExitStack() as stack:

        def open_(text: str, **settings: str) -> Neovim:
            environment = {**engine_environment(engine_folder), **BY_HEART, **settings}
            neovim = stack.enter_context(Neovim(tmp_path, environment))
            path = tmp_path / "cart.py"
            path.write_text(text, encoding="utf-8")
            neovim.edit(path)
            return neovim

        yield open_


def until_shown(neovim: Neovim, wanted: str) -> None:
    """Wait until this is the next edit on the screen."""
    neovim.until(lambda: neovim.next_edit() == wanted, f"the next edit {wanted!r}")


def until_answered(neovim: Neovim, count: int) -> None:
    """Wait until `count` answers have arrived; `REQUESTS` counts them."""
    neovim.until(lambda: neovim.lua("return answers") == count, f"{count} answers")


def cursor(neovim: Neovim) -> list[int]:
    """The cursor's line from 1 and column from 0."""
    return list(neovim.lua("return vim.api.nvim_win_get_cursor(0)"))


def test_a_parameter_renamed_by_typing_is_renamed_place_by_place(opened: Open) -> None:
    neovim = opened(CART)

    neovim.keys("/items<CR>cwlines<Esc>")
    until_shown(neovim, SECOND)
    assert cursor(neovim) == [1, 14]
    neovim.keys("<M-n>")
    neovim.until(lambda: cursor(neovim) == [2, 14], "the place is reached")
    assert neovim.text() == RENAMED
    neovim.keys("<M-n>")
    until_shown(neovim, THIRD)
    neovim.keys("<M-n><M-n>")

    neovim.until(lambda: neovim.text() == CART.replace("items", "lines"), "all is renamed")
    until_shown(neovim, "")
    assert neovim.messages() == []

    neovim.lua(REQUESTS)
    neovim.keys("u")
    until_answered(neovim, 1)
    assert neovim.text() == CART.replace("items", "lines", 2)
    assert neovim.next_edit() == ""


def test_an_undo_or_an_answer_for_another_version_shows_no_offer(
    opened: Open,
) -> None:
    neovim = opened(CART)
    neovim.lua(REQUESTS)

    neovim.keys("/items<CR>cwlines<Esc>")
    until_shown(neovim, SECOND)
    count = neovim.lua("return answers")
    neovim.keys("u")
    until_answered(neovim, count + 1)
    assert neovim.next_edit() == ""

    neovim.lua("hold = true")
    neovim.keys("<C-r>")
    until_answered(neovim, count + 2)
    neovim.lua("hold = false")
    neovim.keys("u")
    until_answered(neovim, count + 3)
    neovim.lua("late()")
    assert neovim.next_edit() == ""

    neovim.lua("ahead = 1")
    neovim.keys("<C-r>")
    until_answered(neovim, count + 4)
    assert neovim.next_edit() == ""


def test_a_dismissed_offer_stays_away_and_an_import_is_deleted_as_a_line(opened: Open) -> None:
    neovim = opened("import os\n" + CART + "\n" * 40 + "print(os.sep)\n")

    neovim.keys("/items<CR>cwlines<Esc>")
    neovim.until(neovim.next_edit, "the next edit")
    neovim.keys("<M-x>")
    until_shown(neovim, "")
    neovim.keys("Gccprint()<Esc>")
    why = "`os` is no longer used · <M-n>"
    until_shown(neovim, f"1:-import os\n|1:  {why}|45:  → line 1: {why}")
    neovim.keys("<M-n><M-n>")

    neovim.until(lambda: neovim.text().startswith("def total(lines"), "the import is gone")
    until_shown(neovim, "")


def test_one_setting_turns_offers_off_and_the_keys_do_nothing(opened: Open) -> None:
    neovim = opened(CART, DGLS_EDITS_ENABLED="false")
    neovim.lua(REQUESTS)

    neovim.keys("/items<CR>cwlines<Esc>")
    neovim.until(lambda: neovim.lua("return answers") > 0, "an answer")
    neovim.keys("<M-n><M-x>A  # end<Esc>")

    neovim.until(lambda: "  # end" in neovim.text(), "the keys are through")
    assert neovim.text() == RENAMED.replace("tax):", "tax):  # end")
    assert neovim.next_edit() == ""


@pytest.mark.skipif(tmux_program() is None, reason="tmux is not installed")
def test_the_next_edit_is_on_the_screen(opened: Open) -> None:
    """Also records `docs/next-edit.svg`, if pictures are wanted."""
    neovim = opened(CART)

    with neovim.screen() as screen:
        neovim.keys("/items<CR>cwlines<Esc>:nohlsearch<CR>")
        screen.until_shown("sum(itemslines)")
        screen.until_shown("`items` was renamed `lines`")
        draw(screen, ROOT / "docs" / "next-edit.svg", "Neovim: another place of an edit")
