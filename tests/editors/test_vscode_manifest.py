"""The manifest of the VS Code extension fits its code and the server."""

from __future__ import annotations

import json
import re

from dgls.lsp.client_side import STATUS_OPT_IN
from dgls.lsp.features import next_edit
from dgls.lsp.features.code_action import FILL, REWRITE
from dgls.lsp.features.snooze import RESUME, SNOOZE
from dgls.lsp.features.why import WHY
from dgls.lsp.indicator import METHOD
from dgls.lsp.report import State
from dgls.syntax.languages import LANGUAGES, language_of
from tests.editors.home import ROOT

EXTENSION = ROOT / "editors" / "vscode"
MANIFEST = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
SOURCES = {path.name: path.read_text(encoding="utf-8") for path in EXTENSION.glob("src/*.ts")}


def test_the_extension_is_activated_by_the_servers_languages() -> None:
    languages = [event.removeprefix("onLanguage:") for event in MANIFEST["activationEvents"]]
    assert {known.ids[0] for known in LANGUAGES} <= set(languages)
    for language in languages:
        language_of("", language)


def test_the_manifest_and_the_code_have_the_same_commands() -> None:
    commands = {command["command"] for command in MANIFEST["contributes"]["commands"]}
    registered = re.findall(
        r"register(?:\('|Command\(`\$\{SECTION\}\.)(\w[\w.]*)", SOURCES["extension.ts"]
    )
    assert {f"dgls.{name}" for name in registered} == commands
    # The client library registers the server's own commands by their names.
    assert commands.isdisjoint({SNOOZE, RESUME, WHY, next_edit.ACCEPT})


def test_extension_and_server_agree_on_shared_names() -> None:
    assert {f"'{FILL}'", f"'{REWRITE}'"} <= set(re.findall(r"'refactor[\w.]*'", SOURCES["fill.ts"]))
    assert {f"'{SNOOZE}'", f"'{RESUME}'"} <= set(re.findall(r"'dgls\.\w+'", SOURCES["pause.ts"]))
    assert f"'{WHY}'" in SOURCES["explain.ts"]
    assert f"'{METHOD}'" in SOURCES["server.ts"]
    assert {f"'{next_edit.METHOD}'", f"'{next_edit.SHOWN}'"} <= set(
        re.findall(r"'textDocument/\w+'", SOURCES["nextEdit.ts"])
    )
    assert f" {STATUS_OPT_IN}: true" in SOURCES["server.ts"]
    for state in State:
        assert f"case '{state}'" in SOURCES["report.ts"]


def test_the_lock_file_names_no_host() -> None:
    lock = json.loads((EXTENSION / "package-lock.json").read_text(encoding="utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
