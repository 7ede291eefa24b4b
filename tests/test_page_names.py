"""Everything that the pages name exists: commands, options, settings, variables, files, links."""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from dgls.cli.app import app_of
from dgls.cli.editor import parser as editor_parser
from dgls.cli.verbs import DIRECT
from dgls.config import resolve
from dgls.config.settings import DECLARED, FORMER, MODELS_VARIABLE, SECTIONS

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"))
)
FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`([^`]+)`")
COMMAND = re.compile(r"\s*(?:\w+=\S+ )*(?:\.venv/bin/)?dgls ")
OPERATORS = frozenset("();<>|&")

HISTORY = "docs/experiments.md"
"""A log of experiments, with the commands and files of their time."""

each_page = pytest.mark.parametrize("page", PAGES)


@cache
def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, *languages: str) -> Iterator[str]:
    """The fenced blocks of these languages."""
    return (body for _, language, body in FENCED.findall(text_of(page)) if language in languages)


def quoted(page: str) -> list[str]:
    """The texts in backticks in the page's sentences, each on one line."""
    return [" ".join(each.split()) for each in QUOTED.findall(FENCED.sub("", text_of(page)))]


def commands(page: str) -> Iterator[list[str]]:
    """The words after `dgls` of every command line, up to a pipe or a comment."""
    lines = "".join(blocks(page, "sh", "")).replace("\\\n", " ").splitlines()
    for line in (*lines, *quoted(page)):
        if not COMMAND.match(line):
            continue
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        yield from _of_dgls(list(lexer))


def _of_dgls(words: list[str]) -> Iterator[list[str]]:
    for at, word in enumerate(words):
        if word == "dgls" or word.endswith("bin/dgls"):
            rest = words[at + 1 :]
            ends = (index for index, each in enumerate(rest) if set(each) <= OPERATORS)
            yield rest[: next(ends, len(rest))]


def parse(words: list[str]) -> None:
    """Parse a command line as `dgls` would. Raises if it would be refused.

    A name without arguments means a verb, and so do the words of a verb that has verbs itself.
    """
    if words[0] in DIRECT:
        if words[0] == "editor":
            editor_parser().parse_args(words[1:])
        return
    command: Any = typer.main.get_command(app_of(words[:1]))
    while hasattr(command, "commands") and words:
        command, words = command.commands[words[0]], words[1:]
    if words:
        command.make_context("dgls", words)


@pytest.mark.parametrize("page", [page for page in PAGES if page != HISTORY])
def test_a_command_line_is_read_as_it_is_written(page: str) -> None:
    for words in commands(page):
        if not words or words[0] == "COMMAND" or words[0].startswith("-"):
            continue
        try:
            parse([re.sub("^-:", "input.py:", each) for each in words if each != "..."])
        except (Exception, SystemExit) as error:
            pytest.fail(f"dgls {shlex.join(words)}: {type(error).__name__} {error}")


@each_page
def test_a_named_setting_exists(page: str) -> None:
    files = (".py", ".toml", ".json", ".md", ".lua", ".el", ".safetensors")
    for name in (each.partition(" = ")[0] for each in quoted(page)):
        section, _, rest = name.removeprefix("dgls.").partition(".")
        if section in SECTIONS and re.fullmatch(r"\w+", rest) and not name.endswith(files):
            assert f"{section}.{rest}" in {**DECLARED, **FORMER} or is_module(section, rest), name


def is_module(package: str, name: str) -> bool:
    return (ROOT / "dgls" / package / f"{name}.py").is_file()


@each_page
def test_a_configuration_is_accepted_completely(page: str) -> None:
    for block in blocks(page, "toml"):
        given = tomllib.loads(block)
        if not given.keys() <= SECTIONS.keys():
            continue
        found = resolve(environment={}, files=(), overrides=given)
        assert found.messages == (), block


@each_page
def test_a_variable_is_read_by_something(page: str) -> None:
    settings = {declared.variable for declared in DECLARED.values()}
    for name in set(re.findall(r"\bDGLS_[A-Z_]*[A-Z]\b", text_of(page))):
        assert name in settings | {MODELS_VARIABLE} | elsewhere(), name


@cache
def elsewhere() -> frozenset[str]:
    """The variables of tests and of the Makefile."""
    files = [ROOT / "Makefile", *(ROOT / "tests").rglob("*.py"), *(ROOT / "tests").rglob("*.sh")]
    texts = (path.read_text(encoding="utf-8") for path in files)
    return frozenset(name for text in texts for name in re.findall(r"\bDGLS_[A-Z_]+[A-Z]\b", text))


PLACES = (
    "",
    "dgls",
    "tests",
    "docs",
    "docs/editors",
    "editors/neovim",
    "tests/editors",
    "tests/vllm",
)
"""Folders whose files the pages name."""

OURS = tuple(
    path.name for folder in (ROOT, ROOT / "dgls", ROOT / "tests") for path in folder.iterdir()
)
"""The beginnings of paths in this repository."""


@each_page
def test_a_named_file_exists(page: str) -> None:
    for name in quoted(page):
        if page == HISTORY or "NAME" in name:
            continue
        begins = name.partition("/")[0] in OURS or name.startswith("test_")
        if begins and re.fullmatch(r"[\w./-]+\.(py|sh|toml|json|md|svg|lua|el)", name):
            assert any((ROOT / place / name).is_file() for place in PLACES), name


@each_page
def test_a_link_has_a_target(page: str) -> None:
    unfenced = FENCED.sub("", text_of(page))
    for target in re.findall(r"\]\(([^)\s]+)\)", unfenced):
        if re.match(r"\w+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = Path(os.path.normpath((ROOT / page).parent / file)) if file else ROOT / page
        assert path.exists(), target
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path.relative_to(ROOT).as_posix()), target


@cache
def anchors(page: str) -> frozenset[str]:
    """The anchors of a page's headings, as the site and GitHub spell them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text_of(page)), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return frozenset(each.strip().replace(" ", "-") for each in plain)


def test_the_pages_have_names_of_each_kind() -> None:
    assert sum(len(list(commands(page))) for page in PAGES) > 100
    assert sum(len(list(blocks(page, "toml"))) for page in PAGES) > 3
