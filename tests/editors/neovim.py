"""A real headless Neovim, driven by its own remote commands."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.editors.home import ROOT, own_home
from tests.editors.tmux import Pane
from tests.support.downloads import EDITORS

PROGRAM = EDITORS / "neovim" / "launch" / "nvim"
PATIENCE_S = 180.0

_INIT = """
vim.opt.runtimepath:append({root})
vim.opt.swapfile = false
vim.opt.termguicolors = true
require('dgls').setup()
messages = {{}}
vim.notify = function(message) table.insert(messages, message) end
vim.lsp.handlers['window/showMessage'] = function(_, result)
  table.insert(messages, result.message)
end
"""

_GHOST = """
local namespace = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']
local marks = vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, {{ details = true }})
local shown = {{}}
for _, mark in ipairs(marks) do
  local lines = {{ mark[4].virt_text }}
  vim.list_extend(lines, mark[4].virt_lines or {{}})
  for _, line in ipairs(lines) do
    table.insert(shown, table.concat(vim.tbl_map(function(chunk) return chunk[1] end, line)))
  end
end
return table.concat(shown, '\\n')
"""

_NEXT_EDIT = """
local shown = {}
for name, namespace in pairs(vim.api.nvim_get_namespaces()) do
  if vim.startswith(name, 'dgls.next_edit') then
    local marks = vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })
    for _, mark in ipairs(marks) do
      local _, row, column, details = unpack(mark)
      local text = details.virt_text and details.virt_text[1][1] or ''
      if details.hl_group then
        local last = { details.end_row, details.end_col }
        local old = vim.api.nvim_buf_get_text(0, row, column, last[1], last[2], {})
        text = '-' .. table.concat(old, '\\n')
      end
      table.insert(shown, { row + 1, (details.virt_text_pos == 'inline' and '+' or '') .. text })
    end
  end
end
table.sort(shown, function(one, other)
  return one[1] < other[1] or one[1] == other[1] and one[2] > other[2]
end)
return table.concat(vim.tbl_map(function(part)
  return part[1] .. ':' .. part[2]
end, shown), '|')
"""


class Neovim:
    """A Neovim with the shipped configuration, and `dgls` on its PATH.

    Keys and queries are sent one after the other; no wait is longer than `PATIENCE_S`. With `own`
    it reads the configuration in its home, like a user's.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], *, own: bool = False) -> None:
        self._socket = folder / "nvim.sock"
        self._log = folder / "nvim.log"
        init = folder / "init.lua"
        root = json.dumps(str(ROOT / "editors" / "neovim"))
        init.write_text(_INIT.format(root=root), encoding="utf-8")
        configuration = [] if own else ["-u", str(init)]
        listening = ["--listen", str(self._socket)]
        self._command = [str(PROGRAM), "--headless", *configuration, *listening]
        self._environment = own_home(folder, environment)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.until(self._socket.exists, "Neovim listens")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(PATIENCE_S)

    def edit(self, path: Path) -> None:
        """Open a file and wait for the language server's first status."""
        self.lua(f"vim.cmd.edit({json.dumps(str(path))})")
        status = "return require('dgls').status()"
        self.until(lambda: self.lua(status), "dgls is attached")

    def screen(self) -> Pane:
        """A terminal that shows this Neovim, to be used as a context."""
        attach = [str(PROGRAM), "--server", str(self._socket), "--remote-ui"]
        return Pane(attach, self._socket.parent, self._environment)

    def keys(self, keys: str) -> None:
        """Type keys, in Neovim's notation."""
        self._remote("--remote-send", keys)

    def lua(self, code: str) -> Any:
        """The value that a piece of Lua returns."""
        function = f"(function() {code} end)()".replace("'", "''")
        answer = self._remote("--remote-expr", f"json_encode([luaeval('{function}')])")
        return json.loads(answer)[0]

    def text(self) -> str:
        """The buffer's lines, each with its \\n."""
        lines: list[str] = self.lua("return vim.api.nvim_buf_get_lines(0, 0, -1, true)")
        return "".join(f"{line}\n" for line in lines)

    def ghost(self) -> str:
        """The suggestion on the screen."""
        return str(self.lua(_GHOST.format()))

    def next_edit(self) -> str:
        """The next edit on the screen: `2:-old|2:+new|2:  why`, each part after its line."""
        return str(self.lua(_NEXT_EDIT))

    def messages(self) -> list[str]:
        """The messages shown to the user."""
        return list(self.lua("return messages"))

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition. Each query starts a program, so this does not spin."""
        give_up = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > give_up:
                raise TimeoutError(f"Not within {PATIENCE_S:g} s: {what}.\n{self._story()}")
            time.sleep(0.02)

    def _remote(self, *arguments: str) -> str:
        command = [str(PROGRAM), "--server", str(self._socket), *arguments]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, timeout=PATIENCE_S, check=True
        )
        return (done.stdout or done.stderr).decode()

    def _story(self) -> str:
        """Debugging details of a Neovim that failed to do its part."""
        logs = self._log.parent.rglob("*.log")
        said = "\n".join(log.read_text(errors="replace")[-3000:] for log in sorted(logs))
        if not self._socket.exists():
            return said
        return f"{self.text()!r}\nghost: {self.ghost()!r}\nshown: {self.messages()}\n{said}"
