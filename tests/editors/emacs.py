"""A real Emacs in a terminal, with the shipped file loaded, that can evaluate expressions."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.editors.home import ROOT, own_home
from tests.editors.tmux import PATIENCE_S, Pane
from tests.support.downloads import EDITORS

PROGRAM = EDITORS / "emacs" / "launch" / "emacs"

_SHIPPED = """
(add-to-list 'load-path {package})
(require 'dgls)
(add-hook 'python-base-mode-hook #'eglot-ensure)
"""

_INIT = """
{dgls}
(setq inhibit-startup-screen t make-backup-files nil auto-save-default nil
      server-socket-dir {folder} server-name "emacs.sock" use-short-answers t)
(menu-bar-mode -1)
{more}
(server-start)
"""


class Emacs:
    """An Emacs with a file, and `dgls` on its PATH. No wait is longer than `PATIENCE_S`.

    `more` is added to its configuration; `own` replaces the shipped lines.
    """

    def __init__(
        self,
        folder: Path,
        path: Path,
        environment: Mapping[str, str],
        more: str = "",
        own: str = "",
    ) -> None:
        self._socket = folder / "emacs.sock"
        init = folder / "init.el"
        package = json.dumps(str(ROOT / "editors" / "emacs"))
        sockets = json.dumps(str(folder))
        lines = own or _SHIPPED.format(package=package)
        text = _INIT.format(dgls=lines, folder=sockets, more=more)
        init.write_text(text, encoding="utf-8")
        command = [str(PROGRAM), "-nw", "-Q", "-l", str(init), str(path)]
        self.pane = Pane(command, folder, own_home(folder, environment))

    def __enter__(self) -> Self:
        self.pane.__enter__()
        self.pane.until(self._socket.exists, "Emacs listens")
        self.pane.until(lambda: self.value("(and (eglot-managed-p) t)"), "dgls is attached")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.pane.__exit__(kind, error, traceback)

    def value(self, expression: str) -> Any:
        """The value of an expression in the window's buffer: a text, number, list, True or None."""
        in_buffer = f"(with-current-buffer (window-buffer) {expression})"
        return json.loads(json.loads(self._evaluate(f"(json-encode {in_buffer})")))

    def text(self) -> str:
        """The buffer's text."""
        return str(self.value("(buffer-substring-no-properties (point-min) (point-max))"))

    def ghost(self) -> str:
        """The suggestion shown after point."""
        shown = "(mapcar (lambda (o) (overlay-get o 'after-string)) (overlays-in 1 (point-max)))"
        return "".join(self.value(f"(seq-filter #'stringp {shown})") or [])

    def _evaluate(self, expression: str) -> str:
        """The printed value of an expression, evaluated as by `emacsclient --eval` (server.el)."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_S)
            client.connect(str(self._socket))
            client.sendall(f"-eval {_quoted(expression)} \n".encode())
            answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        said = [line.split(" ", 1) for line in answer.splitlines()]
        if problems := [rest for kind, rest in said if kind == "-error"]:
            raise ValueError(f"{expression}: {_unquoted(problems[0])}")
        return _unquoted("".join(rest for kind, rest in said if kind.startswith("-print")))


def _quoted(text: str) -> str:
    for char, code in (("&", "&&"), ("-", "&-"), ("\n", "&n"), (" ", "&_")):
        text = text.replace(char, code)
    return text


def _unquoted(text: str) -> str:
    pieces = text.split("&&")
    for code, char in (("&-", "-"), ("&n", "\n"), ("&_", " ")):
        pieces = [piece.replace(code, char) for piece in pieces]
    return "&".join(pieces)
