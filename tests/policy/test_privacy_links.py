"""Secret patterns with slashes, links, git's other lists, and malicious ignore files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dgls.policy.place import holds, parts_in
from dgls.policy.privacy import Privacy
from dgls.policy.silence_reasons import Silence


@pytest.mark.parametrize(
    ("pattern", "path", "secret"),
    [
        ("deploy/keys.py", "deploy/keys.py", True),
        ("/keys.py", "keys.py", True),
        ("/keys.py", "src/keys.py", False),
        ("deploy/*.py", "deploy/keys.py", True),
        ("deploy/*.py", "deploy/sub/keys.py", False),
        ("deploy/**", "deploy/sub/keys.py", True),
        ("**/sub/keys.py", "deploy/sub/keys.py", True),
        ("deploy/sub/", "deploy/sub/keys.py", True),
        ("Deploy/KEYS.py", "deploy/keys.py", True),
        ("keys.py", "src/deep/keys.py", True),
    ],
)
def test_a_secret_pattern_counts_from_each_workspace_folder(
    tree: Path, pattern: str, path: str, secret: bool
) -> None:
    privacy = Privacy((tree.parent / "elsewhere", tree), (pattern,))
    assert (privacy.why_not(str(tree / path)) is Silence.SECRET) is secret


@pytest.mark.parametrize(
    ("pattern", "path", "secret"),
    [
        ("{tree}/deploy/keys.py", "deploy/keys.py", True),
        ("{tree}/deploy/*.py", "deploy/keys.py", True),
        ("{tree}/deploy/", "deploy/sub/keys.py", True),
        ("{tree}/deploy", "src/deploy.py", False),
        ("{tree}/keys.py", "src/keys.py", False),
        ("{tree}", "src/keys.py", True),
        ("{tree}/", "keys.py", True),
        ("{tree}x/keys.py", "keys.py", False),
    ],
)
def test_a_secret_pattern_may_be_a_full_path(
    tree: Path, pattern: str, path: str, secret: bool
) -> None:
    link = tree.parent / "link"
    link.symlink_to(tree)
    for folder in (tree, link):
        privacy = Privacy((folder,), (pattern.format(tree=tree),))
        assert (privacy.why_not(str(folder / path)) is Silence.SECRET) is secret


def test_a_secret_pattern_counts_in_nested_workspace_folders_and_can_be_negated(
    tree: Path,
) -> None:
    nested = (tree, tree / "deploy")
    privacy = Privacy(nested, ("/keys.py", "*.mine", "!/src/*.mine"))
    assert privacy.why_not(str(tree / "deploy/keys.py")) is Silence.SECRET
    assert privacy.why_not(str(tree / "deploy/sub/keys.py")) is None
    assert privacy.why_not(str(tree / "deploy/a.mine")) is Silence.SECRET
    assert privacy.why_not(str(tree / "src/a.mine")) is None
    own = f"!{tree}/src/*.mine"
    assert Privacy((tree,), ("*.mine", own)).why_not(str(tree / "src/a.mine")) is None


def test_without_a_workspace_a_pattern_counts_from_every_folder_above() -> None:
    assert Privacy((), ("deploy/keys.py",)).why_not("/a/b/deploy/keys.py") is Silence.SECRET
    assert Privacy((), ("/keys.py",), bases=(Path("/a"),)).why_not("/a/b/keys.py") is None
    assert Privacy((), ("/keys.py",), bases=(Path("/a"),)).why_not("/a/keys.py") is Silence.SECRET


def test_built_in_patterns_with_a_slash_match_in_every_folder() -> None:
    for path in ("/p/.docker/config.json", "/home/me/.docker/config.json", "/p/x/.aws/a.py"):
        assert Privacy((Path("/p"), Path("/home"))).why_not(path) is Silence.SECRET


def test_a_link_is_judged_by_its_name_and_its_target(tree: Path) -> None:
    (tree / ".gitignore").write_text("hidden/\n")
    (tree / "hidden").mkdir()
    outside = tree.parent / "elsewhere" / "theirs.py"
    for path in ("credentials.json", "hidden/a.py", "plain.py", "deploy/keys.py"):
        (tree / path).write_text("x = 1\n")
    outside.write_text("x = 1\n")
    links = {
        "notes.py": ("credentials.json", Silence.SECRET),
        "shown.py": ("hidden/a.py", Silence.IGNORED),
        "out.py": (str(outside), Silence.OUTSIDE),
        "fine.py": ("plain.py", None),
        "secret.py": ("plain.py", Silence.SECRET),
        "other.py": ("deploy/keys.py", Silence.SECRET),
    }
    for name, (target, _) in links.items():
        (tree / name).symlink_to(target)
    (tree / "chain.py").symlink_to("notes.py")
    (tree / "way").symlink_to(tree.parent / "elsewhere")
    (tree / "dangling.py").symlink_to("credentials.missing")
    links["chain.py"] = ("", Silence.SECRET)
    links["way/theirs.py"] = ("", Silence.OUTSIDE)
    links["dangling.py"] = ("", Silence.SECRET)
    privacy = Privacy((tree,), ("deploy/keys.py",))
    found = {name: privacy.why_not(str(tree / name)) for name in links}
    assert found == {name: reason for name, (_, reason) in links.items()}


# Links with their targets, and whether `start.py` is a secret by any of its names.
CHAINS: dict[str, tuple[dict[str, str], bool]] = {
    "through a secret's name": ({"start.py": ".env", ".env": "plain.py"}, True),
    "through a folder of secrets": (
        {"start.py": "way/plain.py", "way": ".ssh", ".ssh": "src"},
        True,
    ),
    "out of the workspace and back": (
        {"start.py": "../elsewhere/a.pem", "../elsewhere/a.pem": "../checkout/plain.py"},
        True,
    ),
    "by full names": ({"start.py": "{tree}/a.key", "a.key": "{tree}/plain.py"}, True),
    "up and down": ({"start.py": "src/../deploy/../a.pem", "a.pem": "./plain.py"}, True),
    "by plain names": ({"start.py": "b.py", "b.py": "c.py", "c.py": "plain.py"}, False),
}


@pytest.mark.parametrize("kind", CHAINS)
def test_each_name_on_a_chain_of_links_counts(tree: Path, kind: str) -> None:
    links, secret = CHAINS[kind]
    for name in ("plain.py", "src/plain.py"):
        (tree / name).write_text("x = 1\n")
    for name, target in links.items():
        (tree / name).symlink_to(target.format(tree=tree))
    found = Privacy((tree,)).why_not(str(tree / "start.py"))
    assert found is (Silence.SECRET if secret else None)


def test_a_linked_workspace_contains_its_files_by_both_names(tree: Path) -> None:
    link = tree.parent / "link"
    link.symlink_to(tree)
    (tree / "a.py").write_text("")
    for folder in (link, tree, link / ".." / "checkout"):
        privacy = Privacy((folder,), ("/keys.py",))
        for file in (link / "a.py", tree / "a.py", link / "src" / ".." / "a.py"):
            assert privacy.why_not(str(file)) is None
            assert parts_in(str(file), [folder]) is not None
        assert privacy.why_not(str(link / "keys.py")) is Silence.SECRET
        assert privacy.why_not(str(tree / "keys.py")) is Silence.SECRET


def test_a_folder_in_another_case_is_the_same_if_the_system_says_so(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tree.parent / "CHECKOUT" / "a.py"
    assert not holds(tree, file)
    monkeypatch.setattr(Path, "samefile", lambda self, other: str(self).lower() == str(other))
    assert holds(tree, file)
    assert not holds(tree, tree.parent / "CHECKOUTS" / "a.py")


@pytest.mark.parametrize("kind", ["device", "pipe", "large", "many", "unreadable"])
@pytest.mark.parametrize("which", [".gitignore", "src/.gitignore", ".git/info/exclude"])
def test_an_endless_ignore_file_is_named_and_not_read(tree: Path, kind: str, which: str) -> None:
    path = tree / which
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "large":
        path.write_text("#" * 2_000_000)
    elif kind == "many":
        path.write_text("*x*\n" * 200_000)
    else:
        path.symlink_to(path)
    privacy = Privacy((tree,))
    begun = time.process_time()
    reason, fault = privacy.explained(str(tree / "src/a.py"))
    assert time.process_time() - begun < 2.0
    if kind == "unreadable":
        # A link to itself is no file; git skips it.
        assert reason is None
    else:
        assert reason is Silence.UNREADABLE
        assert str(path) in fault


def test_a_pathological_pattern_is_fast(tree: Path) -> None:
    (tree / ".gitignore").write_text("*a" * 14 + "\n")
    begun = time.process_time()
    assert Privacy((tree,)).why_not(str(tree / ("a" * 60 + "b"))) is None
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize("path", ["/p/a\0b.py", "/p/" + "x" * 10_000, "/" + "a/" * 3000 + "b.py"])
def test_an_odd_path_raises_no_error(path: str) -> None:
    Privacy((Path("/q"),)).why_not(path)


def test_patterns_compare_bytes_as_git_does(tree: Path) -> None:
    """`?` is one byte, so this unhides no name with non-ASCII letters."""
    (tree / ".gitignore").write_text("*\n!?\n!.gitignore\n", encoding="utf-8")
    rules = Privacy((tree,))
    assert rules.why_not(str(tree / "ü")) is Silence.IGNORED
    assert rules.why_not(str(tree / "u")) is None


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ([f"*{number}*a*b" for number in range(9_999)], "a/" * 150 + "a"),
        (["a/**/b/**/c/**/d"] * 5_000, "a/b/c/" * 30 + "a"),
        (["**/" * 60 + "x"] * 1_000, "/".join("a" * 60)),
    ],
)
def test_a_file_is_left_alone_if_its_patterns_take_too_long_together(
    tree: Path, lines: list[str], path: str
) -> None:
    (tree / ".gitignore").write_text("\n".join(lines))
    rules = Privacy((tree,))
    rules.why_not(str(tree / path))
    begun = time.process_time()
    assert rules.why_not(str(tree / path)) is Silence.UNREADABLE
    # After they are read, each keystroke asks again.
    assert time.process_time() - begun < 0.5
