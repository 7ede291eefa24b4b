"""A repository to judge files in, and no settings of the user who runs the tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def no_git_settings_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(home / "none"))
    for name in ("XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def tree(tmp_path: Path, no_git_settings_of_the_user: None) -> Path:
    """A repository in a folder next to one of another owner."""
    tree = tmp_path / "checkout"
    for folder in (".git/info", "deploy/sub", "src"):
        (tree / folder).mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    return tree
