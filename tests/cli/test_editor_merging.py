"""`dgls editor NAME --write` with existing user files: what stays and what is added."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from dgls.cli.main import run
from dgls.editors import places
from dgls.editors.guides import guide
from dgls.editors.helix_text import helix_languages, helix_without
from dgls.editors.merging import block, json_keys, own_file

pytestmark = pytest.mark.usefixtures("home")

SHIPPED = places.shipped("helix/languages.toml").read_text(encoding="utf-8")


def merged(old: str, merge: object) -> str:
    assert callable(merge)
    once = str(merge(old))
    assert merge(once) == once, "merging twice changes nothing"
    return once


def test_lines_between_the_marks_are_replaced() -> None:
    old = merged("before\n", block("(old)\n", ";;", "by hand")) + "after\n"
    new = merged(old, block("(new)\n", ";;", "by hand"))
    assert "(old)" not in new
    assert new.startswith("before\n")
    assert new.endswith("after\n")


def test_a_file_written_by_dgls_is_replaced() -> None:
    merge = own_file("-- Written by dgls editor\nnew\n")
    assert merge("-- Written by dgls editor\nold\n") == "-- Written by dgls editor\nnew\n"


def test_json_keeps_existing_members_order_and_indentation() -> None:
    old = '{\n    "theme": "x",\n    "clients": {\n        "pyright": {"enabled": true}\n    }\n}\n'
    new = merged(old, json_keys({"clients": {"dgls": {"enabled": True}}}))
    assert list(json.loads(new)) == ["theme", "clients"]
    assert list(json.loads(new)["clients"]) == ["pyright", "dgls"]
    assert '\n    "theme"' in new


JSON_BY_HAND = [
    '// mine\n{\n  "theme": "One", // dark\n  /* "a": {}, */\n  "vim": [1,\n 2,],\n}\n',
    '{"url": "http://x/*", "b": {"c": "}"} // last\n}',
    '{\n\t"clients": {\n\t\t"py": {"on": true}, // kept\n\t},\n}\n',
    '{ "clients": {} }',
    "{}",
    "",
]


@pytest.mark.parametrize("old", JSON_BY_HAND)
def test_json_keeps_existing_lines_comments_and_trailing_commas(old: str) -> None:
    new = merged(old, json_keys({"clients": {"dgls": {"enabled": True}}}))
    pieces = old.replace("{}", "{ }").replace(",", " ").split()
    added = iter(new.replace("{}", "{ }").replace(",", " ").split())
    assert all(piece in added for piece in pieces), "in the same order"
    assert '"enabled": true' in new


def test_json_replaces_the_part_of_dgls_in_place() -> None:
    old = '{\n  "clients": {\n    "dgls": {"command": ["/old/dgls", "lsp"]}, // mine\n  },\n}\n'
    new = merged(old, json_keys({"clients": {"dgls": {"command": ["/new/dgls", "lsp"]}}}))
    assert "/old/" not in new
    assert "// mine" in new


HELIX_BY_HAND = [
    "",
    'language-servers = ["pylsp", "ruff"]\n',
    'language-servers = ["pylsp", "ruff",]  # mine\n',
    'language-servers = [\n  "pylsp", # it\'s "mine"\n  "ruff",\n  # and ] this\n]\n',
    'language-servers = [ { name = "pylsp", only-features = ["format"] }, "ruff" ]\n',
    'language-servers = [ "ruff", { name = "pylsp", only-features = [ "format" ] } ]\n',
    "language-servers = []\n",
]


@pytest.mark.parametrize("servers", HELIX_BY_HAND)
def test_helix_keeps_the_users_languages_and_adds_dgls_to_them(servers: str) -> None:
    rust = '# mine\n[[language]]\nname = "rust"\nauto-format = true\n\n'
    python = f'[[language]]\nname = "python"\n{servers}formatter = {{ command = "x" }}\n'
    old = f"{rust}{python}\n[language-server.pylsp.config]\nx = 1\n"
    new = merged(old, helix_languages(SHIPPED))
    languages = {each["name"]: each for each in tomllib.loads(new)["language"]}
    mine = {each["name"]: each for each in tomllib.loads(old)["language"]}["python"]
    before = mine.get("language-servers", ["ty", "ruff", "jedi", "pylsp", "zuban"])
    assert languages["python"].pop("language-servers") == [*before, "dgls"]
    assert languages["python"] == {"name": "python", "formatter": {"command": "x"}}
    assert languages["rust"]["language-servers"][-1] == "dgls"
    assert "dgls" in languages["go"]["language-servers"]
    assert helix_without(SHIPPED)(new) == ""


ODD_HELIX = [
    '[[language]]\n"name" = "python"\n',
    'language = [{ name = "python", language-servers = ["pylsp"] }]\n',
    '[language-server]\ndgls = { command = "dgls" }\n[[language]]\nname = "python"\n',
]


@pytest.mark.parametrize("old", ODD_HELIX)
def test_helix_users_learn_where_dgls_could_not_be_added(
    old: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = places.helix()
    file.parent.mkdir(parents=True)
    file.write_text(old)
    status = run(["editor", "helix", "--write"])
    said = capsys.readouterr().err
    assert "to the language-servers of python" in said if status == 0 else "was not changed" in said
    assert file.read_text().startswith(old.rstrip())


def test_helix_users_learn_of_another_dgls_entry() -> None:
    other = helix_languages(SHIPPED)("").replace('"dgls"\nargs', '"/old/dgls"\nargs')
    assert "starts /old/dgls, not dgls" in helix_without(SHIPPED)(other)


BY_HAND = [
    ("helix", '\ufeff# mine\n[[language]]\nname = "rust"\n'),
    ("emacs", "(setq x 1)\n"),
    ("kate", '{\n  "servers": {}\n}\n'),
]


@pytest.mark.parametrize(("editor", "text"), BY_HAND)
def test_line_ends_and_the_byte_order_mark_are_kept(editor: str, text: str) -> None:
    file = guide(editor).file
    assert file is not None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.replace("\n", "\r\n").encode())
    assert run(["editor", editor, "--write"]) == 0
    new = file.read_bytes()
    assert new.startswith(text.encode()[:1])
    assert new.count(b"\n") == new.count(b"\r\n") > text.count("\n")
    assert run(["editor", editor, "--write"]) == 0
    assert file.read_bytes() == new


@pytest.mark.parametrize("folder", [".config/doom", ".doom.d"])
def test_doom_gets_the_lines_into_the_users_file(folder: str, home: Path) -> None:
    doom = home / ".config" / "emacs" / "bin" / "doom"
    for path in (doom, doom.parents[1] / "init.el", home / folder / "config.el"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine\n")
    assert run(["editor", "emacs", "--write"]) == 0
    assert "dgls" in (home / folder / "config.el").read_text()
    assert (doom.parents[1] / "init.el").read_text() == "mine\n"


def test_spacemacs_is_left_to_the_user(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    core = home / ".emacs.d" / "core" / "core-spacemacs.el"
    core.parent.mkdir(parents=True)
    core.touch()
    assert run(["editor", "emacs"]) == 0
    assert "Into " + str(home / ".spacemacs") + " (Spacemacs" in capsys.readouterr().err
    assert run(["editor", "emacs", "--write"]) == 2
    assert "dotspacemacs/user-config" in capsys.readouterr().err
    assert not (home / ".spacemacs").exists()
