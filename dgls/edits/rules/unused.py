"""An import whose last use is gone, found line by line, for languages other than Python."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dgls.edits.state import Offer, State
from dgls.text.spans import Span

_SCRIPT = re.compile(r"(?m)^import (?:\{ (?P<name>\w+) \}|(?P<from>\w+)) from .*\n")
LINES = {
    "javascript": _SCRIPT,
    "typescript": _SCRIPT,
    "typescriptreact": _SCRIPT,
    "rust": re.compile(r"(?m)^use (?:\w+::)+(?P<name>\w+);[ \t]*\n"),
    "go": re.compile(
        r'(?m)^(?:import )?\s*"(?:[\w./-]+/)?(?!v\d+")(?P<name>\w+)(?:/v\d+)?"[ \t]*\n'
    ),
}
_SCRIPT_LIST = re.compile(r"(?m)^import (?:type )?\{ (?P<names>[\w, ]+) \} from .*$")
_LISTS = {
    "javascript": _SCRIPT_LIST,
    "typescript": _SCRIPT_LIST,
    "typescriptreact": _SCRIPT_LIST,
    "rust": re.compile(r"(?m)^use [\w:]+::(?P<braces>\{(?P<names>[\w, ]+)\});[ \t]*$"),
}
_NAMES = re.compile(r"[^\W\d]\w*")
_JSX = re.compile(r"</|/>")
_FACTORIES = frozenset({"React", "h", "Fragment"})
"""Names that JSX needs, although it does not mention them."""
_TRAIT = r"(?:\b(?:impl(?:<[^>]*>)?|dyn)\s+|\+\s*|\b[A-Z]\w*:\s*)"
"""What is before the name of a trait in Rust. A trait is needed for its methods, too."""


def unused_import(state: State) -> Iterator[Offer]:
    """The import of a name whose last use an edit removed, or the name in its list.

    Imports that the user wrote are left alone.
    """
    language = state.source.language.id
    if language in LINES:
        for offer in (*unused_line(state, LINES[language]), *_unused_in_list(state)):
            if not state.was_edited(offer.span):
                yield offer


def _unused_in_list(state: State) -> Iterator[Offer]:
    pattern, gone = _LISTS.get(state.source.language.id), words_gone(state)
    if pattern is None or not gone:
        return
    for found in pattern.finditer(state.text):
        names = {each: each.split()[-1] for each in found["names"].split(", ") if each.strip()}
        unused = [
            name
            for name in names.values()
            if name in gone and count(state.text, name) == count(found[0], name)
        ]
        left = [each for each, name in names.items() if name not in unused]
        if unused and left:
            # Rust's `self` is a name only within braces.
            bare = "braces" in pattern.groupindex and len(left) == 1 and left != ["self"]
            group = "braces" if bare else "names"
            why = f"`{unused[0]}` is no longer used"
            yield Offer(Span(*found.span(group)), ", ".join(left), "import", why)


def unused_line(state: State, pattern: re.Pattern[str]) -> Iterator[Offer]:
    """The import line that a pattern finds for a name whose last use an edit removed."""
    gone = words_gone(state)
    if not gone:
        return
    for found in pattern.finditer(state.text):
        name = found["name"] or found["from"]
        if name in gone and count(state.text, name) == count(found[0], name):
            yield Offer(Span(*found.span()), "", "import", f"`{name}` is no longer used")


def words_gone(state: State) -> set[str]:
    """The words that edits removed from the lines that they changed.

    Without those that the language may need for more than their mentions.
    """
    return {
        name
        for hunk in state.hunks
        for name in set(_NAMES.findall(hunk.before)) - set(_NAMES.findall(hunk.after(state.text)))
        if not _is_needed_unsaid(state, hunk.before, name)
    }


def _is_needed_unsaid(state: State, before: str, name: str) -> bool:
    """Whether code may need the import of a name that it no longer mentions."""
    if state.source.language.id == "rust":
        return re.search(rf"{_TRAIT}{name}\b", before) is not None
    return name in _FACTORIES and _JSX.search(state.text) is not None


def count(text: str, name: str) -> int:
    """How often a word occurs in a text."""
    return len(re.findall(rf"\b{name}\b", text))
