"""dgls in a real Emacs, through Eglot: suggestions after point, on request, code actions, status.

`tests/editors/install.sh` installs it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.editors.emacs import PROGRAM, Emacs
from tests.editors.files import AREA, HEAD, SHAPES
from tests.editors.home import BY_HEART, ROOT
from tests.editors.tmux import tmux_program

pytestmark = [
    pytest.mark.editor,
    pytest.mark.skipif(
        not PROGRAM.exists() or tmux_program() is None,
        reason="Emacs 30 or tmux is not installed; run tests/editors/install.sh emacs tmux",
    ),
]

Open = Callable[..., Emacs]
Warm = Callable[..., dict[str, str]]


@pytest.fixture
def opened(tmp_path: Path, warm: Warm) -> Iterator[Open]:
    """Opens a text in a new Emacs, which ends with the test; keywords are settings of dgls."""
    with ExitStack() as stack:

        def open_(text: str, *, more: str = "", **settings: str) -> Emacs:
            path = tmp_path / "shapes.py"
            path.write_text(text, encoding="utf-8")
            return stack.enter_context(Emacs(tmp_path, path, warm(**settings), more))

        yield open_


def test_a_trained_model_suggests_after_point_and_tab_accepts_and_undo_reverts(
    opened: Open, overfitted: str
) -> None:
    emacs = opened(SHAPES.replace(f"\n    {AREA}", ""), DGLS_MODEL_NAME=overfitted)

    emacs.value('(progn (search-forward "radius must not be negative") (end-of-line))')
    emacs.pane.keys("Enter")
    emacs.pane.until(lambda: emacs.ghost() == AREA, "the suggestion")
    emacs.pane.keys("Tab")
    emacs.pane.until(lambda: emacs.text() == SHAPES, "accepted")

    emacs.pane.keys("C-/")
    emacs.pane.until(lambda: emacs.text() == SHAPES.replace(AREA, ""), "undone")


def test_typing_the_suggestion_shortens_it(opened: Open) -> None:
    emacs = opened(HEAD, **BY_HEART)

    emacs.value("(goto-char (point-max))")
    emacs.pane.type("    return ")
    emacs.pane.until(lambda: emacs.ghost() == "side * side", "the suggestion")
    emacs.pane.type("side ")
    emacs.pane.until(lambda: emacs.ghost() == "* side", "what is left of it")
    emacs.pane.keys("Tab")

    emacs.pane.until(lambda: emacs.text() == HEAD + "    return side * side", "accepted")


def test_a_suggestion_comes_on_request(opened: Open) -> None:
    emacs = opened(HEAD + "    return ", DGLS_SHOW_AUTOMATIC="false", **BY_HEART)

    emacs.value("(goto-char (point-max))")
    emacs.pane.keys("M-x")
    emacs.pane.type("dgls-suggest")
    emacs.pane.keys("Enter")
    emacs.pane.until_shown("dgls suggests (default side * side)")
    emacs.pane.keys("Enter")

    emacs.pane.until(lambda: emacs.text() == HEAD + "    return side * side", "put in")


def test_a_gap_is_filled_after_wide_characters(opened: Open) -> None:
    emacs = opened(HEAD + "    pass  # 😀\n", **BY_HEART)
    face = "faces = '😀😀'; "

    emacs.value(f'(progn (goto-char 1) (insert "{face}") (search-forward "pass") (backward-char))')
    emacs.pane.keys("M-x")
    emacs.pane.type("dgls-fill")
    emacs.pane.keys("Enter")
    filled = face + HEAD + "    return side * side  # 😀\n"
    emacs.pane.until(lambda: emacs.text() == filled, "filled")


def test_the_mode_line_shows_the_model_and_a_pause(opened: Open) -> None:
    emacs = opened(HEAD, **BY_HEART)

    emacs.pane.until(lambda: emacs.value("(dgls-mode-line)") == " dgls", "ready")
    emacs.value("(ignore (dgls-snooze 5))")
    emacs.value("(goto-char (point-max))")
    emacs.pane.type("    return ")
    emacs.pane.until(lambda: emacs.value("(dgls-mode-line)") == " dgls off", "off")


def test_why_explains_the_place_at_point(opened: Open) -> None:
    emacs = opened(HEAD, **BY_HEART)
    said = '(with-current-buffer "*Messages*" (buffer-string))'

    emacs.value("(goto-char (point-max))")
    emacs.pane.type("    return ")
    emacs.value("(ignore (dgls-why))")

    emacs.pane.until(
        lambda: "Shown while typing: 'side * side'" in emacs.value(said), "the place is explained"
    )


def test_commands_wait_longer_than_eglot_does(opened: Open) -> None:
    emacs = opened(HEAD + "    pass\n", DGLS_SHOW_AUTOMATIC="false", **BY_HEART)
    said = '(with-current-buffer "*Messages*" (buffer-string))'

    emacs.value("(setq jsonrpc-default-request-timeout 0)")
    emacs.value('(progn (goto-char 1) (search-forward "pass") (backward-char))')
    emacs.value("(ignore (dgls-why))")
    emacs.value("(ignore (dgls-fill))")
    emacs.pane.until(lambda: emacs.text() == HEAD + "    return side * side\n", "filled")

    assert "Timed out" not in emacs.value(said)


def test_settings_come_from_eglot_and_a_bad_one_is_named(opened: Open) -> None:
    bad = "(setq-default eglot-workspace-configuration '(:dgls (:show (:threshold 7))))"
    emacs = opened(HEAD, more=bad, **BY_HEART)

    said = '(with-current-buffer "*Messages*" (buffer-string))'
    emacs.pane.until(lambda: "show.threshold" in emacs.value(said), "the message")


def test_the_file_compiles_without_a_warning(tmp_path: Path) -> None:
    source = tmp_path / "dgls.el"
    source.write_bytes((ROOT / "editors" / "emacs" / "dgls.el").read_bytes())
    strict = "(setq byte-compile-error-on-warn t)"
    compile_it = [str(PROGRAM), "-Q", "--batch", "--eval", strict, "-f", "batch-byte-compile"]

    done = subprocess.run([*compile_it, str(source)], capture_output=True, timeout=90)

    assert done.returncode == 0, done.stderr.decode()
