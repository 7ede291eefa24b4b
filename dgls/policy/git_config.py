"""Git's settings, as far as they say what git ignores: `core.excludesFile`, with what is included
and what the environment says.

Read as git does (https://git-scm.com/docs/git-config), without running git.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dgls.files import expanded, read_small
from dgls.patterns import Patterns, TooManyPatterns

_DEEPEST = 10
_MOST_FILES = 100
_MOST_VARIABLES = 1000
_SECTION = re.compile(r'\[\s*([\w.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]')
_ALONE = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}

Setting = tuple[str, str, str, str]
"""Section and name in small letters, subsection and value as they are: (section, subsection,
name, value)."""


@dataclass
class ExcludesFile:
    """The value of `core.excludesFile` in files of settings, the later the stronger.

    `value` is as it was written, None where no file says it. `git` is the repository's own folder,
    by which conditions are judged. `read` are the files that were looked at.
    """

    git: Path
    value: str | None = None
    read: list[Path] = field(default_factory=list)

    def look_at(self, path: Path, depth: int = 0) -> None:
        """Take what a file says, and the files that it includes, each in its place."""
        self.read.append(path)
        self._take(_settings(text_of(path)), path, depth)

    def look_at_environment(self) -> None:
        """Take what variables say, which is stronger than any file.

        `git -c` leaves its settings in `GIT_CONFIG_PARAMETERS` for the programs that it starts, an
        editor among them; those of `GIT_CONFIG_COUNT` are weaker.
        """
        self._take(_counted(), Path(os.sep), depth=0)
        self._take(_given_to_git(), Path(os.sep), depth=0)

    def _take(self, settings: Iterable[Setting], path: Path, depth: int) -> None:
        for section, inner, name, value in settings:
            if (section, inner, name) == ("core", "", "excludesfile"):
                self.value = value
            elif depth == _DEEPEST or len(self.read) >= _MOST_FILES:
                continue
            elif name == "path" and value and self._includes(section, inner, path):
                self.look_at(path.parent / expanded(value), depth + 1)

    def _includes(self, section: str, condition: str, path: Path) -> bool:
        if section != "includeif":
            return section == "include"
        kind, _, wanted = condition.partition(":")
        if kind in {"gitdir", "gitdir/i"}:
            names = {self.git, Path(os.path.realpath(self.git))}
            pattern = _of_folder(wanted, path)
            return any(_matches(pattern, str(name), kind == "gitdir/i") for name in names)
        if kind == "onbranch":
            branch = text_of(self.git / "HEAD").strip().removeprefix("ref: refs/heads/")
            return _matches(wanted + "**" * wanted.endswith("/"), branch, ignore_case=False)
        # Of an unknown condition the list counts: better to leave a file alone.
        return True


def has_worktree_settings(config: Path) -> bool:
    """Whether a repository's settings say that each of its work trees has some of its own."""
    key = ("extensions", "", "worktreeconfig")
    said = [value for *where, value in _settings(text_of(config)) if tuple(where) == key]
    return bool(said) and is_true(said[-1])


def is_true(value: str) -> bool:
    """Whether git takes a value for yes."""
    number = re.fullmatch(r"[-+]?0*(\d+)[kmg]?", value.lower())
    return value.lower() in {"true", "yes", "on"} or (number is not None and number[1] != "0")


def text_of(path: Path) -> str:
    """The text of one of git's small files; none where it cannot be read."""
    try:
        return read_small(path).decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    except (OSError, ValueError):
        return ""


def _of_folder(wanted: str, path: Path) -> str:
    """The pattern of a condition on the repository's folder, from the root on."""
    if wanted.startswith("~/"):
        wanted = str(expanded("~")) + wanted[1:]
    elif wanted.startswith("./"):
        wanted = str(Path(os.path.realpath(path)).parent) + wanted[1:]
    elif not wanted.startswith("/"):
        wanted = f"**/{wanted}"
    return wanted + "**" * wanted.endswith("/")


def _matches(pattern: str, name: str, ignore_case: bool) -> bool:
    try:
        found = Patterns([f"/{pattern.lstrip('/')}"], ignore_case=ignore_case)
    except TooManyPatterns:
        return True
    parts = [part for part in name.split("/") if part]
    return bool(parts) and bool(found.verdict(parts, is_folder=True))


def _counted() -> Iterator[Setting]:
    """The settings of `GIT_CONFIG_COUNT`; none where git itself would refuse them."""
    count = os.environ.get("GIT_CONFIG_COUNT", "")
    for number in range(min(int(count), _MOST_VARIABLES) if count.isdecimal() else 0):
        key = os.environ.get(f"GIT_CONFIG_KEY_{number}", "")
        yield _setting(key, os.environ.get(f"GIT_CONFIG_VALUE_{number}", ""))


def _given_to_git() -> Iterator[Setting]:
    """The settings of `GIT_CONFIG_PARAMETERS`: `'key'='value'`, of an older git `'key=value'`."""
    try:
        words = shlex.split(os.environ.get("GIT_CONFIG_PARAMETERS", ""))
    except ValueError:
        return
    for word in words[:_MOST_VARIABLES]:
        key, separator, value = word.partition("=")
        yield _setting(key, value if separator else "true")


def _setting(key: str, value: str) -> Setting:
    section, _, rest = key.partition(".")
    inner, _, name = rest.rpartition(".")
    return section.lower(), inner, name.lower(), value


def _settings(text: str) -> Iterator[Setting]:
    """Each setting in a file; one without a value is true."""
    section, inner = "", ""
    joined = re.sub(r"\\\r?\n", "", text)
    for line in map(str.strip, joined.split("\n")):
        while found := _SECTION.match(line):
            section, inner = found[1].lower(), re.sub(r"\\(.)", r"\1", found[2] or "")
            line = line[found.end() :].strip()
        name, separator, value = line.partition("=")
        if separator and "\0" not in value:
            yield section, inner, name.strip().lower(), _unquoted(value.strip())
        elif _ALONE.fullmatch(name):
            yield section, inner, name.lower(), "true"


def _unquoted(value: str) -> str:
    """A value without its quotes and what a comment says."""
    said, kept, is_quoted, characters = "", 0, False, iter(value)
    for character in characters:
        if character == '"':
            is_quoted = not is_quoted
        elif character == "\\":
            following = next(characters, "")
            said += _ESCAPES.get(following, following)
        elif character in "#;" and not is_quoted:
            break
        else:
            said += character
        kept = len(said) if is_quoted or not character.isspace() else kept
    return said[:kept]
