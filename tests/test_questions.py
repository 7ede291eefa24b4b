"""Every answer in `docs/questions.md` names existing commands, options and settings."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from dgls.cli.main import run
from dgls.config import Settings

PAGE = (Path(__file__).parents[1] / "docs" / "questions.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"`dgls ([^`]+)`", PAGE)))
PLACES = re.findall(r"https://github\.com/[\w.-]+/[\w.-]+/issues/\d+", PAGE)
GROUPS = {group.name for group in fields(Settings)}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_named_command_and_its_options_exist(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(command)
    verbs = words[:2] if words[0] in {"model", "bench"} else words[:1]
    assert run([*verbs, "--help"]) == 0
    shown = capsys.readouterr().out
    for option in (word for word in words if word.startswith("--")):
        assert option in shown


def test_a_named_setting_exists() -> None:
    named = {tuple(each.split(".")) for each in re.findall(r"`(\w+\.\w+)`", PAGE)}
    assert len(named) > 8
    for group, name in named:
        assert group in GROUPS, group
        assert hasattr(getattr(Settings(), group), name), (group, name)


def test_every_question_has_its_own_anchor() -> None:
    rows = [
        line for line in PAGE.splitlines() if line.startswith("| ") and "question |" not in line
    ]
    assert len(rows) == len(set(PLACES)) == len(PLACES)
    assert all("github.com" in row for row in rows)
