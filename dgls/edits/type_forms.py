"""Older and newer forms of Python's type annotations, such as `Optional[X]` and `X | None`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from itertools import combinations

from dgls.text.spans import Span

BUILTIN = "builtin"
UNION = "union"
DEFAULT = "default"
UNQUOTED = "unquoted"
FORMS = (BUILTIN, UNION, DEFAULT, UNQUOTED)
"""The newer forms that a file may be moving to; `WHY` describes each."""

_ALL = frozenset(FORMS)

WHY = {
    BUILTIN: "types such as `List[...]` are written `list[...]` now",
    UNION: "types such as `Optional[...]` are written `... | None` now",
    DEFAULT: "types such as `Generator[..., None, None]` leave out `None` now",
    UNQUOTED: "types are written without quotes now",
}

_BUILTINS = {
    "List": "list",
    "Dict": "dict",
    "Set": "set",
    "FrozenSet": "frozenset",
    "Tuple": "tuple",
    "Type": "type",
}
_DEFAULTS = {"Generator": 2, "AsyncGenerator": 1}
"""How many trailing arguments default to `None`."""

FORM_OF = {**dict.fromkeys(_BUILTINS, BUILTIN), "Optional": UNION, "Union": UNION}
"""The newer form that no longer needs a name of `typing`."""

_HEADS = "|".join([*FORM_OF, *_DEFAULTS])
_SITE = re.compile(
    rf"(?<![\w.])(?:(?:t|typing)\.)?(?P<head>{_HEADS})\["
    r"""|(?P<kept>\b(?:Literal|Annotated)\[)"""
    r"""|(?P<quoted>(?<![\w'"])"[A-Za-z_][^"\n]*"(?!"))"""
)
"""`kept` matches the start of a subscript whose strings are not types."""
_TYPE = re.compile(r"[\w.]+(?:\[[\w.,|\[\] ]*\])?(?: \| [\w.]+(?:\[[\w.,|\[\] ]*\])?)*\Z")


@dataclass(frozen=True, slots=True)
class Site:
    """A type that has a newer form: its span in the line, and that form."""

    span: Span
    text: str


def sites(line: str, forms: Set[str]) -> Iterator[Site]:
    """The outermost types of a line that the given forms would write differently."""
    done = 0
    for found in _SITE.finditer(line):
        if found.start() < done:
            continue
        if found["kept"]:
            done = _closing(line, found.end()) or len(line)
            continue
        end = found.end() if found["quoted"] else _closing(line, found.end())
        text = _newer(line, found, end, forms) if end else None
        if text is not None:
            done = end
            yield Site(Span(found.start(), end), text)


def heads(text: str) -> frozenset[str]:
    """The names of generic types in a text that have a newer form."""
    return frozenset(found["head"] for found in _SITE.finditer(text) if found["head"])


def respelled(text: str, forms: Set[str]) -> str:
    """A text with all its types in the newer forms."""
    pieces, done = [], 0
    for site in sites(text, forms):
        pieces += [text[done : site.span.start], site.text]
        done = site.span.end
    return "".join([*pieces, text[done:]])


def written(before: str, after: str) -> frozenset[str]:
    """The newer forms in which an edit wrote all types of its lines."""
    lines = [line for line in before.splitlines() if any(sites(line, _ALL))]
    known = [form for form in FORMS if any(site for line in lines for site in sites(line, {form}))]
    for count in range(len(known), 0, -1):
        for forms in map(frozenset, combinations(known, count)):
            found = [
                (site.span.of(line), site.text) for line in lines for site in sites(line, forms)
            ]
            if all(new in after and old not in after for old, new in found):
                return forms
    return frozenset()


def _newer(line: str, found: re.Match[str], end: int, forms: Set[str]) -> str | None:
    """The newer form of one type; None if it has none, or is not a complete type."""
    if found["quoted"]:
        inner = found["quoted"][1:-1]
        if not _TYPE.match(inner):
            return None
        newer = respelled(inner, forms)
        return newer if UNQUOTED in forms else f'"{newer}"' if newer != inner else None
    head, arguments = found["head"], _arguments(line[found.end() : end - 1])
    given = [respelled(each, forms) for each in arguments]
    if head in _BUILTINS and BUILTIN in forms:
        return f"{_BUILTINS[head]}[{', '.join(given)}]"
    if head in {"Optional", "Union"} and UNION in forms and not any('"' in each for each in given):
        return " | ".join([*given, "None"] if head == "Optional" else given)
    left = len(given) - _DEFAULTS.get(head, 0)
    if head in _DEFAULTS and DEFAULT in forms and left == 1 and set(given[1:]) == {"None"}:
        return f"{line[found.start() : found.end()]}{given[0]}]"
    return None


def _closing(line: str, start: int) -> int:
    """The end of the bracket that is open at `start`; 0 if it is in another line."""
    depth = 1
    for at in range(start, len(line)):
        depth += (line[at] in "[(") - (line[at] in ")]")
        if depth == 0:
            return at + 1
    return 0


def _arguments(text: str) -> list[str]:
    """The parts of a text between top-level commas."""
    found, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign in "[(") - (sign in ")]")
        if sign == "," and depth == 0:
            found.append(text[start:at].strip())
            start = at + 1
    return [each for each in (*found, text[start:].strip()) if each]
