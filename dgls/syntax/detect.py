"""Detects the language of a text from file names, its first line or its content."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from dgls.syntax.guard import damage
from dgls.syntax.language import PLAIN, Language
from dgls.syntax.languages import known_of, language_named
from dgls.syntax.prose import prose_signs, without_fences
from dgls.syntax.signs import EXTENDS, JSX, SIGNS
from dgls.syntax.source import Source

_SHEBANG = re.compile(r"#!\s*(?:\S*/)?(?:env\s+(?:-\S+\s+)*)?(?:\S*/)?([A-Za-z]+)[\d.]*(?:\s|$)")
_SAID = re.compile(
    r"(?:\blanguage:\s*|\bvim?:.*?\b(?:ft|filetype|syntax)=|-\*-\s*(?:mode:\s*)?)([\w+#-]+)",
    re.IGNORECASE,
)
_INTERPRETERS = {
    "python": "python",
    "pypy": "python",
    "node": "javascript",
    "nodejs": "javascript",
    "deno": "typescript",
    "bun": "typescript",
    "tsx": "typescript",
    "bash": "shellscript",
    "sh": "shellscript",
    "zsh": "shellscript",
    "dash": "shellscript",
    "ksh": "shellscript",
    "ruby": "ruby",
    "php": "php",
    "lua": "lua",
    "luajit": "lua",
    "kotlin": "kotlin",
    "kotlinc": "kotlin",
}
_SAID_LINES = 3
_READ_CHARS = 4_000
_TRIED = 5


def detected(text: str, path: str = "", others: Iterable[str] = ()) -> Language:
    """The language of a text; `PLAIN` if nothing tells.

    `path` is its own, if known; `others` are those of files beside it. The path decides first, then
    what the first lines declare, then how well the text parses in each language; languages of the
    other files are preferred.
    """
    named = known_of(path)
    if named is not None:
        return named.load()
    said = _declared(text)
    if said is not None:
        return said
    # A README or a configuration file beside code tells nothing about the code.
    beside = [known.ids[0] for known in map(known_of, others) if known and known.holds_code]
    likely = [name for name, _ in Counter(beside).most_common()]
    found = _guessed(text[:_READ_CHARS], tuple(likely))
    return language_named(found) if found else PLAIN


def _declared(text: str) -> Language | None:
    """The language declared in the first lines: by a shebang, a mode line or PHP's tag."""
    lines = text.lstrip("\ufeff").split("\n", _SAID_LINES)[:_SAID_LINES]
    shebang = _SHEBANG.match(lines[0])
    if shebang:
        name = _INTERPRETERS.get(shebang.group(1).lower())
        return language_named(name) if name else None
    if lines[0].startswith("<?php"):
        return language_named("php")
    for line in lines:
        said = _SAID.search(line)
        language = language_named(said.group(1).lower()) if said else PLAIN
        if language.has_grammar:
            return language
    return None


@lru_cache(maxsize=256)
def _guessed(text: str, likely: tuple[str, ...]) -> str:
    """The language in which most lines make sense, among those that parse without errors."""
    if _is_prose(text):
        return "markdown"
    signs = {name: _signs(text, name) for name in SIGNS}
    if signs["typescript"] and JSX.search(text):
        signs["typescriptreact"] = signs.pop("typescript")
    signs |= {name: signs[name] + signs[of] for name, of in EXTENDS.items() if signs.get(name)}
    best = max(signs.values(), default=0)
    if not best:
        return likely[0] if likely else ""
    if likely and signs.get(likely[0], 0) >= best / 2:
        return likely[0]
    order = sorted(signs, key=lambda name: (name not in likely, -signs[name]))
    tried = [name for name in order if 2 * signs[name] >= best][:_TRIED]
    return min(tried, key=lambda name: (_errors(text, name) - 2 * signs[name], tried.index(name)))


def _is_prose(text: str) -> bool:
    """Whether the text outside fences has more signs of Markdown than of any code."""
    outside, fences = without_fences(text)
    signs = prose_signs(outside, fences)
    return bool(signs) and signs > max(_signs(outside, name) for name in SIGNS.keys() - _MARKUP)


_MARKUP = {"html", "css"}


def _signs(text: str, name: str) -> int:
    pattern = _pattern(name)
    return sum(pattern.search(line) is not None for line in text.split("\n"))


@lru_cache(maxsize=len(SIGNS))
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(SIGNS[name])


def _errors(text: str, name: str) -> int:
    language = language_named(name)
    return damage(Source.parse(language.preamble + text, language)).faults
