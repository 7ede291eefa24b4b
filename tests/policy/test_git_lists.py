"""Every list of ignored files that git reads besides `.gitignore` counts; compared with git."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dgls.policy.privacy import Privacy
from dgls.policy.silence_reasons import Silence


@pytest.mark.parametrize(
    "where",
    ["info/exclude", "default", "configured", "of the repository", "quoted", "GIT_CONFIG_GLOBAL"],
)
def test_gits_other_lists_count(tree: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path(os.environ["HOME"])
    listing = home / "my ignores"
    if where == "info/exclude":
        listing = tree / ".git/info/exclude"
    elif where == "default":
        listing = home / ".config/git/ignore"
    elif where == "configured":
        (home / ".gitconfig").write_text(
            "[user]\n\tname = x\n[Core]\n\tExcludesFile = ~/my ignores\n"
        )
    elif where == "quoted":
        (home / ".gitconfig").write_text('[core] excludesfile = "~/my ignores" ; mine\n')
    elif where == "of the repository":
        (tree / ".git/config").write_text(f"[core]\n\texcludesFile = {listing}\n")
    else:
        (home / "global").write_text("[core]\nexcludesFile=~/my ignores\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "global"))
    listing.parent.mkdir(parents=True, exist_ok=True)
    listing.write_text("src/mine.py\n!src/mine2.py\n")
    privacy = Privacy((tree,))
    assert privacy.why_not(str(tree / "src/mine.py")) is Silence.IGNORED
    assert privacy.why_not(str(tree / "src/theirs.py")) is None
    # The repository's own files win.
    (tree / ".gitignore").write_text("!src/mine.py\n")
    assert privacy.why_not(str(tree / "src/mine.py")) is None


LIST = "[core]\nexcludesFile = ~/my ignores\n"


# The user's own settings, what `~/more` says, and whether git then ignores `src/mine.py`.
INCLUDES: dict[str, tuple[str, str, bool]] = {
    "include": ("[include]\npath = more\n", LIST, True),
    "include from home": ("[Include]\nPath = ~/more\n", LIST, True),
    "include by a full path": ("[include]\npath = {home}/more\n", LIST, True),
    "quoted": ('[include] path = "mo"re # mine\n', LIST, True),
    "over two lines": ("[include]\npath = mo\\\nre\n", LIST, True),
    "the later value counts": (
        "[include]\npath = more\n[core]\nexcludesFile = none\n",
        LIST,
        False,
    ),
    "the later include counts": (
        "[core]\nexcludesFile = none\n[include]\npath = more\n",
        LIST,
        True,
    ),
    "itself": ("[include]\npath = .gitconfig\n[include]\npath = more\n", LIST, True),
    "nothing": ("[include]\npath = nowhere\n", LIST, False),
    "an included file includes": ("[include]\npath = more\n", "[include]\npath = deeper\n", True),
    "in its folder": ('[includeIf "gitdir:{work}/"]\npath = more\n', LIST, True),
    "in its folder, at any depth": ('[includeIf "gitdir:checkout/"]\npath = more\n', LIST, True),
    "in its folder, relative": ('[includeIf "gitdir:./../checkout/"]\npath = more\n', LIST, False),
    "in its folder, by a pattern": (
        '[includeIf "gitdir:**/checkout/.git"]\npath = more\n',
        LIST,
        True,
    ),
    "in another folder": ('[includeIf "gitdir:~/other/"]\npath = more\n', LIST, False),
    "in another case": ('[includeIf "gitdir:CHECKOUT/"]\npath = more\n', LIST, False),
    "in any case": ('[includeIf "gitdir/i:CHECKOUT/"]\npath = more\n', LIST, True),
    "on this branch": ('[includeIf "onbranch:main"]\npath = more\n', LIST, True),
    "on a branch by a prefix": ('[includeIf "onbranch:ma/"]\npath = more\n', LIST, False),
    "on a branch by a pattern": ('[includeIf "onbranch:m*"]\npath = more\n', LIST, True),
    "another section": ("[other]\npath = more\n", LIST, False),
    "a list in the section before": ('[core "x"]\nexcludesFile = ~/my ignores\n', LIST, False),
}


@pytest.mark.parametrize("kind", INCLUDES)
def test_a_list_named_in_an_included_file_counts(tree: Path, kind: str) -> None:
    home = tree.parent / "home"
    (tree / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (tree / ".git/objects").mkdir()
    (tree / ".git/refs").mkdir()
    (home / "my ignores").write_text("src/mine.py\n")
    (home / "deeper").write_text(LIST)
    said, more, expected = INCLUDES[kind]
    privacy = Privacy((tree,))
    assert privacy.why_not(str(tree / "src/mine.py")) is None
    (home / "more").write_text(more)
    (home / ".gitconfig").write_text(said.format(home=home, work=tree))
    asked = ["git", "-C", str(tree), "check-ignore", "-q", "src/mine.py"]
    if shutil.which("git") and kind != "itself":
        assert subprocess.run(asked, check=False, capture_output=True).returncode == (not expected)
    found = privacy.why_not(str(tree / "src/mine.py"))
    assert found is (Silence.IGNORED if expected else None)
    if more == LIST and expected:
        (home / "more").write_text("")
        assert privacy.why_not(str(tree / "src/mine.py")) is None


WORKTREE = "[extensions]\nworktreeConfig = {}\n[core]\nrepositoryformatversion = {}\n"


MINE = "~/my ignores"


# Variables of git, what the repository's settings say, and whether git then ignores `src/mine.py`;
# the user's own settings, those of the system and those of the work tree name a list each.
VARIABLES: dict[str, tuple[dict[str, str], str, bool]] = {
    "counted": ({"COUNT": "1", "KEY_0": "core.excludesFile", "VALUE_0": MINE}, "", True),
    "in capitals": ({"COUNT": "1", "KEY_0": "CORE.EXCLUDESFILE", "VALUE_0": MINE}, "", True),
    "wins over files": (
        {"COUNT": "1", "KEY_0": "core.excludesFile", "VALUE_0": MINE},
        "[core]\nexcludesFile = none\n",
        True,
    ),
    "the last one": (
        {
            "COUNT": "2",
            "KEY_0": "core.excludesFile",
            "VALUE_0": MINE,
            "KEY_1": "core.excludesFile",
            "VALUE_1": "/none",
        },
        "",
        False,
    ),
    "not counted": ({"COUNT": "0", "KEY_0": "core.excludesFile", "VALUE_0": MINE}, "", False),
    "another section": ({"COUNT": "1", "KEY_0": "core.x.excludesFile", "VALUE_0": MINE}, "", False),
    "an included file": ({"COUNT": "1", "KEY_0": "include.path", "VALUE_0": "~/lists"}, "", True),
    "given to git": ({"PARAMETERS": "'core.excludesFile'='{home}/my ignores'"}, "", True),
    "given to an old git": ({"PARAMETERS": "'core.excludesFile={home}/my ignores'"}, "", True),
    "given twice": (
        {"PARAMETERS": "'core.excludesFile'='~/my ignores' 'core.excludesFile'='/none'"},
        "",
        False,
    ),
    "given to include": ({"PARAMETERS": "'color.ui'='x' 'include.path'='{home}/lists'"}, "", True),
    "parameters win over counted settings": (
        {
            "COUNT": "1",
            "KEY_0": "core.excludesFile",
            "VALUE_0": "/none",
            "PARAMETERS": "'core.excludesFile'='~/my ignores'",
        },
        "",
        True,
    ),
    "global": ({"GLOBAL": "{home}/lists"}, "", True),
    "global, empty": ({"GLOBAL": ""}, "", False),
    "system": ({"SYSTEM": "{home}/lists"}, "", True),
    "system settings turned off": ({"SYSTEM": "{home}/lists", "NOSYSTEM": "1"}, "", False),
    "system settings not turned off": ({"SYSTEM": "{home}/lists", "NOSYSTEM": "false"}, "", True),
    "work tree": ({}, WORKTREE.format("true", 1), True),
    "work tree, old format": ({}, WORKTREE.format("yes", 0), True),
    "work tree, without a value": ({}, WORKTREE.format("x", 1).replace(" = x", ""), True),
    "work tree, off": ({}, WORKTREE.format("false", 1), False),
    "work tree, not enabled": ({}, "", False),
}


@pytest.mark.parametrize("kind", VARIABLES)
def test_a_list_named_by_a_variable_or_worktree_setting_counts(
    tree: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tree.parent / "home"
    (tree / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (tree / ".git/objects").mkdir()
    (tree / ".git/refs").mkdir()
    (home / "my ignores").write_text("src/mine.py\n")
    (home / "lists").write_text(LIST)
    (tree / ".git/config.worktree").write_text(LIST)
    variables, said, expected = VARIABLES[kind]
    (tree / ".git/config").write_text(said)
    for name, value in variables.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value.format(home=home))
    asked = ["git", "-C", str(tree), "check-ignore", "-q", "src/mine.py"]
    if shutil.which("git"):
        assert subprocess.run(asked, check=False, capture_output=True).returncode == (not expected)
    found = Privacy((tree,)).why_not(str(tree / "src/mine.py"))
    assert found is (Silence.IGNORED if expected else None)


def test_a_work_tree_uses_the_lists_of_its_repository(tree: Path) -> None:
    other = tree.parent / "other"
    own = tree / ".git/worktrees/other"
    own.mkdir(parents=True)
    other.mkdir()
    (other / ".git").write_text(f"gitdir: {own}\n")
    (own / "commondir").write_text("../..\n")
    (tree / ".git/info/exclude").write_text("mine.py\n")
    assert Privacy((other,)).why_not(str(other / "mine.py")) is Silence.IGNORED
    assert Privacy((other,)).why_not(str(other / "a.py")) is None


@pytest.mark.parametrize("inner", ["empty folder", "nothing", "repository"])
def test_a_folder_that_is_not_a_repository_does_not_hide_the_one_above(
    tree: Path, inner: str
) -> None:
    (tree / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (tree / ".gitignore").write_text("src/mine.py\n")
    if inner != "nothing":
        (tree / "src/.git").mkdir()
    if inner == "repository":
        (tree / "src/.git/HEAD").write_text("ref: refs/heads/main\n")
    found = Privacy((tree,)).why_not(str(tree / "src/mine.py"))
    assert found is (None if inner == "repository" else Silence.IGNORED)


def test_a_submodule_has_its_own_lists(tree: Path) -> None:
    own = tree / ".git/modules/sub"
    (own / "info").mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/main\n")
    (own / "info/exclude").write_text("mine.py\n")
    (tree / "src/.git").write_text("gitdir: ../.git/modules/sub\r\n")
    (tree / ".gitignore").write_text("theirs.py\n")
    privacy = Privacy((tree,))
    assert privacy.why_not(str(tree / "src/mine.py")) is Silence.IGNORED
    assert privacy.why_not(str(tree / "src/theirs.py")) is None
    assert privacy.why_not(str(tree / "theirs.py")) is Silence.IGNORED


def test_an_unknown_home_folder_does_not_fail(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / ".git" / "config").write_text("[core]\nexcludesFile = ~nobody-here/ignore\n")
    assert Privacy((tree,)).why_not(str(tree / "a.py")) is None
