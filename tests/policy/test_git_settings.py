"""Git's settings about ignored files, in every spelling, compared with git itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dgls.policy.privacy import Privacy
from dgls.policy.silence_reasons import Silence

IGNORED, SHOWN = Silence.IGNORED, None
MORE = '[includeIf "{}"]\npath = ~/more\n'

# The content of a settings file, and the result for `src/mine.py`, which `~/list` names.
SPELLINGS: dict[str, Silence | None] = {
    # Section and name.
    "[core]\nexcludesFile = ~/list\n": IGNORED,
    "[CORE]EXCLUDESFILE=~/list": IGNORED,
    "[core]\r\n\tExcludesFile\t=\t~/list\t\r\n": IGNORED,
    "\ufeff[core]\nexcludesfile=~/list\n": IGNORED,
    '[core "x"]\nexcludesfile=~/list\n': SHOWN,
    '[core ""]\nexcludesfile=~/list\n': SHOWN,
    "[core.x]\nexcludesfile=~/list\n": SHOWN,
    "[core-x]\nexcludesfile=~/list\n": SHOWN,
    '[core "a\\"]"] x=1\n[core] excludesfile=~/list\n': IGNORED,
    '[core\t"x"]\ny=1\n[core]\nexcludesfile=~/list\n': IGNORED,
    "[core][user]\nname=x\n[core] excludesfile=~/list\n": IGNORED,
    # Comments.
    "# [core]\nexcludesfile = ~/list\n": SHOWN,
    "[core] # x\n; excludesfile = /none\nexcludesfile = ~/list # y\n": IGNORED,
    "[core]\nexcludesfile = ~/list;y\n": IGNORED,
    "[core]\n# no continuation \\\nexcludesfile = ~/list\n": IGNORED,
    '[core]\n; nor a quote " \\\nexcludesfile = /none\nexcludesfile = ~/list\n': IGNORED,
    "[core]\nexcludesfile = ~/list # no continuation \\\nexcludesfile = /none\n": SHOWN,
    # Quotes, escapes, lines.
    '[core]\nexcludesfile = "~/li"st"" # x\n': IGNORED,
    '[core]\nexcludesfile = "~/li#s;t" ; x\n': IGNORED,
    "[core]\nexcludesfile = '~/list'\n": SHOWN,
    '[core]\nexcludesfile = ~/a\\\\b\\"c\n': IGNORED,
    "[core]\nexcludesfile = \\\n~/li\\\nst\n": IGNORED,
    "[core]\nexcludesfile = ~/li\\\r\nst\r\n": IGNORED,
    "[core]\nexcludesfile = ~/list\\": IGNORED,
    "[core]\nexcludesfile = ~/no\xa0break\xa0\n": IGNORED,
    "[core]\nexcludesfile = ~/list\x0c\n": SHOWN,
    "[core]\nexcludesfile = ~/list\x0b # x\n": SHOWN,
    # Values.
    "[core]\nexcludesfile =\n": SHOWN,
    "[core]\nexcludesfile = ~/list\nexcludesfile =\n": SHOWN,
    "[core]\nexcludesfile = /dev/null\n": SHOWN,
    "[core]\nexcludesfile = list-of-the-tree\n": IGNORED,
    "[core]\nexcludesfile = ../home/list\n": IGNORED,
    "[core]\nexcludesfile = ~root/none\n": SHOWN,
    "[core]\nexcludesfile = ~/capitals\n": SHOWN,
    "[core]\nexcludesfile = ~/capitals\nignoreCase\n": IGNORED,
    "[core]\nexcludesfile = ~/capitals\nignorecase = 0x1\n": IGNORED,
    "[core]\nexcludesfile = ~/capitals\nignorecase = true\nignorecase = off\n": SHOWN,
    # Inclusion.
    "[include]\npath = ~/more\n": IGNORED,
    '[include "x"]\npath = ~/more\n': SHOWN,
    "[includeIf]\npath = ~/more\n": SHOWN,
    "[core]\nexcludesfile = ~/none\n[include]\npath = ~/more\n": IGNORED,
    "[include]\npath = ~/more\n[core]\nexcludesfile = ~/none\n": SHOWN,
    MORE.format("gitdir:~/"): SHOWN,
    MORE.format("gitdir:tree/"): IGNORED,
    MORE.format("gitdir:*/tree/"): IGNORED,
    MORE.format("gitdir:tree/.git"): IGNORED,
    MORE.format("gitdir:TREE/"): SHOWN,
    MORE.format("gitdir/i:TREE/"): IGNORED,
    MORE.format("onbranch:side"): SHOWN,
    # If dgls cannot tell, both lists count.
    "[core]\nexcludesfile = ~/list\n"
    + MORE.format("hasconfig:remote.*.url:x").replace("more", "elsewhere"): IGNORED,
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, and a home folder without settings."""
    home, tree = tmp_path / "home", tmp_path / "tree"
    home.mkdir()
    (tree / "src").mkdir(parents=True)
    for name in ("list", "li#s;t", 'a\\b"c', "no\xa0break\xa0"):
        (home / name).write_text("src/mine.py\n")
    (tree / "list-of-the-tree").write_text("src/mine.py\n")
    (home / "capitals").write_text("SRC/Mine.py\n")
    (home / "more").write_text("[core]\nexcludesFile = ~/list\n")
    (home / "elsewhere").write_text("[core]\nexcludesFile = ~/none\n")
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_CONFIG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(home / "none"))
    put_repository(tree / ".git")
    monkeypatch.chdir(tree)
    return tree


def put_repository(git: Path, config: str = "") -> None:
    for folder in ("objects", "refs", "info"):
        (git / folder).mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "config").write_text(f"[core]\nrepositoryFormatVersion = 0\n{config}")


def said_by_git(file: str = "src/mine.py") -> Silence | None:
    """Git's own answer in the working folder. Without git, the test is skipped."""
    if not shutil.which("git"):
        pytest.skip("this machine has no git")
    asked = ["git", "check-ignore", "-q", file]
    found = subprocess.run(asked, check=False, capture_output=True)
    assert found.returncode in (0, 1), found.stderr
    return SHOWN if found.returncode else IGNORED


@pytest.mark.parametrize("where", ["of the user", "of the repository"])
@pytest.mark.parametrize("text", SPELLINGS)
def test_each_spelling_means_the_same_as_to_git(tree: Path, text: str, where: str) -> None:
    path = tree.parent / "home/.gitconfig" if where == "of the user" else tree / ".git/config"
    path.write_bytes(text.encode())
    assert Privacy((tree,)).why_not(str(tree / "src/mine.py")) is SPELLINGS[text]
    assert said_by_git() is SPELLINGS[text]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("'core.excludesFile'='~/list'", IGNORED),
        ("'core.excludesFile'=''", SHOWN),
        ("'core.excludesFile=~/list'", IGNORED),
        ("'core.excludesFile =~/list'", IGNORED),
        ("'color.ui' 'core.excludesFile'='~/list'", IGNORED),
        ("'alias.x'='it'\\''s' 'core.excludesFile'='~/list'", IGNORED),
        ("'includeIf.gitdir:tree/.path'='~/more'", IGNORED),
        ("'includeIf.gitdir:a=b/.path'='~/more'", SHOWN),
        ("'includeIf.onbranch:x=y.path'='~/other' 'include.path'='~/more'", IGNORED),
        ("'core.excludesFile'='~/none' 'CORE.excludesfile'='~/list'", IGNORED),
    ],
)
def test_settings_in_the_environment_mean_the_same_as_to_git(
    tree: Path, said: str, expected: Silence | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tree.parent / "home"
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", said.replace("~", str(home)))
    assert Privacy((tree,)).why_not(str(tree / "src/mine.py")) is expected
    assert said_by_git() is expected


@pytest.mark.parametrize("how", ["GIT_WORK_TREE", "core.worktree", "the working folder", "a file"])
def test_a_repository_named_by_git_dir_counts(
    tree: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A common setup for dotfiles: the repository is bare, the home folder its work tree."""
    bare, home = tree.parent / "bare", tree.parent / "home"
    config = f"worktree = {home}\n" if how == "core.worktree" else ""
    put_repository(bare, config)
    (bare / "info/exclude").write_text("/mine.py\n")
    (home / "mine.py").write_text("")
    told = tree.parent / "link"
    told.write_text(f"gitdir: {bare}\n")
    monkeypatch.setenv("GIT_DIR", str(told if how == "a file" else bare))
    if how == "GIT_WORK_TREE":
        monkeypatch.setenv("GIT_WORK_TREE", "../home")
    if how != "GIT_WORK_TREE":
        monkeypatch.chdir(home)
    (tree / ".gitignore").write_text("src/mine.py\n")
    rules = Privacy((tree, home))
    assert rules.why_not(str(home / "mine.py")) is IGNORED
    assert rules.why_not(str(home / "other.py")) is None
    assert rules.why_not(str(tree / "src/mine.py")) is IGNORED
    assert said_by_git(str(home / "mine.py")) is IGNORED


@pytest.mark.parametrize("said", ["GIT_COMMON_DIR", "GIT_DIR"])
@pytest.mark.parametrize("where", ["info/exclude", "config"])
def test_a_common_folder_named_by_git_common_dir_counts(
    tree: Path, said: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = tree.parent / "common"
    put_repository(common, "excludesFile = ~/list\n" if where == "config" else "")
    if where != "config":
        (common / where).write_text("src/mine.py\n")
    monkeypatch.setenv("GIT_COMMON_DIR", str(common))
    if said == "GIT_DIR":
        monkeypatch.setenv("GIT_DIR", str(tree / ".git"))
    assert Privacy((tree,)).why_not(str(tree / "src/mine.py")) is IGNORED
    assert said_by_git() is IGNORED


def test_a_work_tree_named_without_git_dir_counts(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tree.parent / "home"
    (home / "mine.py").write_text("")
    (home / ".gitignore").write_text("mine.py\n")
    monkeypatch.setenv("GIT_WORK_TREE", str(home))
    assert Privacy((home,)).why_not(str(home / "mine.py")) is IGNORED
    assert said_by_git(str(home / "mine.py")) is IGNORED


@pytest.mark.parametrize("said", ["GIT_DIR", "GIT_WORK_TREE"])
def test_a_deleted_working_folder_does_not_fail(
    tree: Path, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tree.parent / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv(said, "x")
    (tree / "src/link.py").symlink_to(tree / "src/mine.py")
    (tree / ".gitignore").write_text("mine.py\n")
    rules = Privacy((tree,))
    assert rules.why_not(str(tree / "src/other.py")) is None
    assert rules.why_not(str(tree / "src/link.py")) is IGNORED


@pytest.mark.parametrize("line", ["src/mine.py\0.txt\n", "src/mine.py  \0\r\n"])
def test_a_nul_ends_a_pattern(tree: Path, line: str) -> None:
    (tree / ".gitignore").write_bytes(line.encode())
    assert Privacy((tree,)).why_not(str(tree / "src/mine.py")) is IGNORED
    assert said_by_git() is IGNORED


def test_an_ignore_file_that_is_a_link_unhides_nothing(tree: Path) -> None:
    """Git has followed no such link since 2.32; an older one does."""
    (tree / ".gitignore").write_text("mine.py\n")
    (tree / "taken-back").write_text("!mine.py\nother.py\n")
    (tree / "src/.gitignore").symlink_to(tree / "taken-back")
    rules = Privacy((tree,))
    assert rules.why_not(str(tree / "src/mine.py")) is IGNORED
    assert rules.why_not(str(tree / "src/other.py")) is IGNORED
    assert said_by_git() is IGNORED


def test_the_name_of_a_repository_may_end_with_a_space(tree: Path) -> None:
    (tree / ".git").rename(tree.parent / "kept ")
    (tree / ".git").write_text("gitdir: ../kept \n")
    (tree.parent / "kept /info/exclude").write_text("src/mine.py\n")
    assert Privacy((tree,)).why_not(str(tree / "src/mine.py")) is IGNORED
    assert said_by_git() is IGNORED


@pytest.mark.parametrize("kind", ["device", "pipe", "large"])
@pytest.mark.parametrize("which", ["home/.gitconfig", "home/more", "tree/.git/config"])
def test_endless_git_settings_are_named(tree: Path, kind: str, which: str) -> None:
    """Git would read them, so their ignored files are unknown."""
    (tree.parent / "home/.config/git").mkdir(parents=True)
    (tree.parent / "home/.config/git/config").write_text("[include]\npath = ~/more\n")
    path = tree.parent / which
    path.unlink(missing_ok=True)
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_text("#" * 1_000_001)
    reason, fault = Privacy((tree,)).explained(str(tree / "src/a.py"))
    assert reason is Silence.UNREADABLE
    assert str(path) in fault


def test_the_null_device_is_an_empty_file(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    (tree / ".gitignore").symlink_to(os.devnull)
    assert Privacy((tree,)).why_not(str(tree / "src/mine.py")) is None


@pytest.mark.parametrize("said", ["{outer}", "../..", "../sub", "{home}"])
@pytest.mark.parametrize("where", [".gitignore", "info/exclude", "beside .git"])
def test_the_work_tree_of_the_settings_counts_as_well_as_the_usual_one(
    tree: Path, said: str, where: str
) -> None:
    """`core.worktree`: git reads only the rules there, and dgls also those beside `.git`."""
    home, outer = tree.parent / "home", tree.parent
    named = said.format(home=home, outer=outer)
    work = Path(os.path.normpath(tree / ".git" / named))
    work.mkdir(exist_ok=True)
    with (tree / ".git/config").open("a") as config:
        config.write(f"worktree = {named}\n")
    inside = tree if work in tree.parents else work
    for name in ("mine.py", "shown.py"):
        (inside / name).write_text("")
    own = {".gitignore": work / ".gitignore", "beside .git": tree / ".gitignore"}
    rule = inside.relative_to(work) / "mine.py" if where != "beside .git" else "mine.py"
    own.get(where, tree / ".git/info/exclude").write_text(f"/{rule}\n")
    rules = Privacy((outer,))
    applies = where != "beside .git" or inside == tree
    assert rules.why_not(str(inside / "mine.py")) is (IGNORED if applies else None)
    assert rules.why_not(str(inside / "shown.py")) is None
    if where != "beside .git":
        assert said_by_git(str(inside / "mine.py")) is IGNORED
    assert said_by_git(str(inside / "shown.py")) is SHOWN


@pytest.mark.parametrize("work", ["!mine.py", ""])
def test_a_work_tree_elsewhere_unhides_nothing(tree: Path, work: str) -> None:
    outer = tree.parent
    (tree / ".git/config").write_text("[core]\nworktree = ../..\n")
    (tree / ".gitignore").write_text("mine.py\n")
    (outer / ".gitignore").write_text(f"{work}\n")
    assert Privacy((outer,)).why_not(str(tree / "mine.py")) is IGNORED


def test_a_nested_repository_has_only_its_own_rules(tree: Path) -> None:
    put_repository(tree / "inner/.git")
    (tree / ".gitignore").write_text("inner/\n")
    assert Privacy((tree,)).why_not(str(tree / "inner/mine.py")) is None
