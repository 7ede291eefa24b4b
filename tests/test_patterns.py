"""Patterns match as git's do, in bounded time."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgls.patterns import MAX_PATTERNS, Patterns, TooManyPatternsError, why_it_matches_nothing

GIT = shutil.which("git")

TABLE = [
    ("keys.py", "keys.py", True),
    ("keys.py", "deploy/keys.py", True),
    ("/keys.py", "keys.py", True),
    ("/keys.py", "deploy/keys.py", False),
    ("deploy/keys.py", "deploy/keys.py", True),
    ("deploy/keys.py", "x/deploy/keys.py", False),
    ("deploy/*.py", "deploy/keys.py", True),
    ("deploy/*.py", "deploy/sub/keys.py", False),
    ("**/deploy/*.py", "a/b/deploy/keys.py", True),
    ("deploy/**", "deploy/sub/keys.py", True),
    ("deploy/**", "deploy", False),
    ("a/**/b", "a/b", True),
    ("a/**/b", "a/x/y/b", True),
    ("a/**/b", "a/x/y/c", False),
    ("private/", "private/x.py", True),
    ("private/", "private", False),
    ("*.py", "a/b.py", True),
    ("k?y.py", "key.py", True),
    ("k?y.py", "ky.py", False),
    ("[a-c]x", "bx", True),
    ("[!a-c]x", "bx", False),
    ("[^a-c]x", "dx", True),
    ("[]x]y", "]y", True),
    ("[[:digit:]]x", "7x", True),
    ("[a[:foo:]]x", "ax", False),
    ("[!a[:foo:]]x", "bx", False),
    ("[z-a]x", "bx", False),
    ("[z-a]x", "zx", True),
    ("[!z-a]x", "zx", False),
    ("a\\/[bc]", "a/b", True),
    ("\\/a", "a", False),
    ("a\\/", "a/b", False),
    ("/a**", "a/b", True),
    ("/a**", "ax/y/b", True),
    ("/a**/", "ax", False),
    ("c/a**", "c/ax/y", True),
    ("c/a**", "x/c/a", False),
    ("[a", "[a", False),
    ("[a/b]", "a", True),
    ("[a/b]", "x/a", False),
    ("[a/b]x/", "ax/y", True),
    ("\\#x", "#x", True),
    ("\\!x", "!x", True),
    ("#x", "#x", False),
    ("x\\ ", "x ", True),
    ("x   ", "x", True),
    ("a\\*b", "a*b", True),
    ("a\\*b", "axb", False),
    ("a**b", "axxb", True),
    ("**", "a/b", True),
    ("/**", "a/b", True),
    ("*", "a", True),
    ("*a*b*", "xxaxxbxx", True),
    ("*ab", "aab", True),
    ("a*a", "a", False),
    ("*.tar.*", "x.tar.gz", True),
    ("a/", "a/b/c", True),
    ("", "a", False),
    ("/", "a", False),
    ("a//b", "a/b", False),
    ("..", "a", False),
    ("ä*", "äö", True),
    ("***/x/*.py", "a/x/b.py", True),
    ("a**/[ab]", "ab", True),
    ("a**/[ab]", "ax/y/b", True),
    ("a**/[ab]", "xa/b", False),
    ("/build**/out", "build-1/x/out", True),
    ("!a**/b", "ab", False),
    ("c/a**/b", "c/ab", True),
    ("c/a**/b", "c/ax/y/b", True),
    ("a**/b/c", "ab/c", True),
    ("?" * 300, "a" * 300, False),
    ("*" * 300, "a", True),
    ("!**/*", "!a/b", False),
    ("!**/x", "!x", False),
    ("[[:graph:]]x", "~x", True),
    ("[[:graph:]]x", " x", False),
    ("[[:print:]]x", " x", True),
    ("[[:print:]]x", "\x7fx", False),
    ("[[:cntrl:]]x", "\x7fx", True),
    ("[[:space:]]x", "\x0bx", False),
    ("[[:alpha][[:print:]]", "px", True),
    ("[[:alpha][[:print:]]", "x", False),
    ("[[:]x]", ":x]", True),
]


@pytest.mark.parametrize(("pattern", "path", "matched"), TABLE)
def test_a_pattern_matches_as_gits_does(pattern: str, path: str, matched: bool) -> None:
    assert Patterns([pattern]).matches(path.split("/")) is matched


def test_the_last_pattern_that_matches_decides() -> None:
    found = Patterns(["*.py", "!kept.py", "sub/kept.py", "!x.py", "x.py"])
    assert found.matches(["a.py"])
    assert not found.matches(["kept.py"])
    assert found.matches(["sub", "kept.py"])
    assert found.matches(["x.py"])


def test_case_is_ignored_where_asked_for() -> None:
    found = Patterns(["Deploy/*.PEM", "[A-C]x", "ID_rsa*"], ignore_case=True)
    assert found.matches(["dePLOY", "a.pem"])
    assert found.matches(["Bx"])
    assert found.matches(["id_RSA.pub"])


@pytest.mark.parametrize("pattern", ["[[:upper:]]x", "[!-a]x", "[Z-a]x", "\\Zx", "[A-z]x"])
def test_case_is_ignored_in_classes_and_ranges_too(pattern: str) -> None:
    assert Patterns([pattern], ignore_case=True).matches(["zX"])


_PIECES = st.sampled_from([*"ab*?/[]!-\\. ", "[:alpha:]", "[:print:]", "[:"])


@pytest.mark.skipif(GIT is None, reason="git is not installed")
def test_thousands_of_patterns_mean_the_same_as_to_git(tmp_path: Path) -> None:
    """Compared with git itself, with one ignore file for each pattern."""
    chosen: list[str] = []

    @settings(max_examples=400, database=None, derandomize=True)
    @given(st.lists(_PIECES, min_size=1, max_size=7))
    def collect(pieces: list[str]) -> None:
        chosen.append("".join(pieces))

    collect()
    paths = ["a", "ab", "a/b", "b/a", "a/b/a", "bab", "a.b", "a-b", "b/ab/a", " a", "a ", "!a"]
    wrong = []
    for pattern in dict.fromkeys(chosen):
        expected = _ignored_by_git(tmp_path, pattern, paths)
        found = {path for path in paths if Patterns([pattern]).matches(path.split("/"))}
        if found != expected:
            wrong.append((pattern, found ^ expected))
    assert wrong == []


def _ignored_by_git(folder: Path, pattern: str, paths: list[str]) -> set[str]:
    if not (folder / ".git").exists():
        subprocess.run([str(GIT), "init", "-q", str(folder)], check=True)
    (folder / ".git" / "info" / "exclude").write_text(pattern + "\n")
    done = subprocess.run(
        [str(GIT), "-C", str(folder), "check-ignore", "--stdin", "-z", "--no-index"],
        input="\0".join(paths).encode(),
        capture_output=True,
        check=False,
    )
    return set(done.stdout.decode().split("\0")) - {""}


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("*a" * 14, "a" * 60 + "b"),
        ("*a" * 120, "a" * 250 + "b"),
        ("*?" * 120, "a" * 119),
        ("*[ab]" * 60 + "c", "ab" * 100),
        ("**/" * 60 + "x", "/".join("a" * 60)),
        ("**/a/" * 30 + "x", "/".join("a" * 60)),
    ],
)
def test_no_pattern_hangs(pattern: str, name: str) -> None:
    begun = time.process_time()
    assert not Patterns([pattern]).matches(name.split("/"))
    assert time.process_time() - begun < 1.0


@pytest.mark.parametrize(
    "lines",
    [["x"] * (MAX_PATTERNS + 1), ["*" + "ab" * 1000] * 200],
    ids=["too many", "too much"],
)
def test_a_list_that_would_take_too_long_is_refused(lines: list[str]) -> None:
    with pytest.raises(TooManyPatternsError):
        Patterns(lines)


def test_the_longest_list_is_matched_quickly() -> None:
    lines = [f"*{number:x}*" for number in range(MAX_PATTERNS)]
    begun = time.process_time()
    Patterns(lines).matches(["q" * 50] * 5)
    assert time.process_time() - begun < 5.0


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("/", "empty"),
        ("#keys", "comment"),
        ("~/keys", "~"),
        ("./keys", "'.'"),
        ("../keys", "'..'"),
        ("a/../b", "'..'"),
        ("C:\\keys", "absolute"),
        ("deploy\\keys.py", "backslash"),
        ("deploy\\*.py", "backslash"),
        ("deploy\\*", "backslash"),
        ("**\\deploy\\**", "backslash"),
        ("./deploy/", "'.'"),
        ("!./deploy/keys.py", "'.'"),
        ("c:/deploy/keys.py", "absolute"),
        ("[ab", "bracket"),
        ("a//b", "empty"),
        ("x" * 5000, "longer"),
    ],
)
def test_a_pattern_that_can_match_nothing_is_reported(pattern: str, said: str) -> None:
    assert said in str(why_it_matches_nothing(pattern))


@pytest.mark.parametrize("pattern", [row[0] for row in TABLE if row[2]])
def test_a_pattern_that_matches_something_is_not_reported(pattern: str) -> None:
    assert why_it_matches_nothing(pattern) is None
