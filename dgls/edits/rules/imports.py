"""An import whose last use went."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dgls.edits.state import Offer, State
from dgls.text.spans import Span

_LINES = {
    "python": re.compile(r"(?m)^(?:import (?P<name>\w+)|from [\w.]+ import (?P<from>\w+))[ \t]*\n"),
    "typescript": re.compile(r"(?m)^import (?:\{ (?P<name>\w+) \}|(?P<from>\w+)) from .*\n"),
    "rust": re.compile(r"(?m)^use (?:\w+::)+(?P<name>\w+);[ \t]*\n"),
    "go": re.compile(r'(?m)^(?:import )?\s*"(?:[\w./-]+/)?(?P<name>\w+)"[ \t]*\n'),
}
_NAMES = re.compile(r"[^\W\d]\w*")
_PYTHON_FROM = re.compile(r"(?m)^from [\w.]+ import (?P<names>\w+(?:, \w+)+)[ \t]*$")


def unused_import(state: State) -> Iterator[Offer]:
    """The import of a name that an edit has taken the last use of. Nothing in `__init__.py`."""
    pattern = _LINES.get(state.source.language.id)
    if pattern is None or state.path.endswith("__init__.py"):
        return
    gone = {
        name
        for hunk in state.hunks
        for name in set(_NAMES.findall(hunk.before)) - set(_NAMES.findall(hunk.after(state.text)))
    }
    for found in pattern.finditer(state.text) if gone else ():
        name = found["name"] or found["from"]
        if name in gone and _count(state.text, name) == _count(found[0], name):
            yield Offer(Span(*found.span()), "", "import", f"`{name}` is no longer used")
    if gone and state.source.language.id == "python":
        yield from _from_a_list(state, gone)


def _from_a_list(state: State, gone: set[str]) -> Iterator[Offer]:
    for found in _PYTHON_FROM.finditer(state.text):
        names = found["names"].split(", ")
        unused = [name for name in names if name in gone and _count(state.text, name) == 1]
        if unused and len(unused) < len(names):
            left = ", ".join(name for name in names if name not in unused)
            why = f"`{unused[0]}` is no longer used"
            yield Offer(Span(found.start("names"), found.end("names")), left, "import", why)


def _count(text: str, name: str) -> int:
    return len(re.findall(rf"\b{name}\b", text))
