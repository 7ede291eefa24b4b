"""An argument added to one call: the other calls of the same function."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from dgls.edits.change import LineChange, Run
from dgls.edits.state import Offer, State
from dgls.edits.tree import CALLS, above, declares, function_of, is_function, node_of, text_of, walk
from dgls.syntax.source import Source
from dgls.text.spans import Span

_KEYWORD = re.compile(r"^(\w+)\s*=(?!=)")
_WORD = re.compile(r"[^\W\d]\w*")
_UNPACKED = re.compile(r"splat|spread|variadic|^\.\.\.$")


@dataclass(frozen=True, slots=True)
class _Added:
    """An argument `text` added `first` or last to a call of `name` that had `count` arguments."""

    name: str
    text: str
    first: bool
    count: int
    function: Node | None


def same_argument(state: State) -> Iterator[Offer]:
    """The same argument in calls that lack it.

    One edited call is enough if the function takes more arguments than the other calls give it.
    """
    found, fresh = _all_added(state, state.changes), _all_added(state, state.fresh)
    for added in {(each.name, each.text, each.first): each for each in fresh}.values():
        alike = sum(
            (a.name, a.text, a.first) == (added.name, added.text, added.first) for a in found
        )
        sources = {"": state.source}
        if "." not in added.name:
            sources |= {path: s for path, s in state.others.items() if added.name in s.text}
        takes = max((_takes(each, added.name) for each in sources.values()), default=0)
        if alike < 2 and takes <= added.count:
            continue
        for path, source in sources.items():
            if path and not _imports(source, added.name):
                continue
            yield from _offers(source, path, added)


def _imports(source: Source, name: str) -> bool:
    """Whether a file imports a name; a called expression has no name."""
    found = rf"(?m)^\s*(?:from|import|use)\b.*\b{re.escape(name)}\b"
    return re.fullmatch(r"\w+", name) is not None and re.search(found, source.text) is not None


def _offers(source: Source, path: str, added: _Added) -> Iterator[Offer]:
    number = 1
    for call in walk(source.tree.root_node):
        if call.type not in CALLS or text_of(call.child_by_field_name("function")) != added.name:
            continue
        number += 1
        given = _arguments(call)
        if len(given) != added.count or not _has_names(call, added) or not _fits(call, added):
            continue
        at = source.span(given[0]).start if added.first else source.span(given[-1]).end
        text = f"{added.text}, " if added.first else f", {added.text}"
        why = f"{_ordinal(number - 1)} call of `{added.name}`: same argument added"
        yield Offer(Span(at, at), text, "argument", why, path)


def _all_added(state: State, changes: Iterable[LineChange]) -> list[_Added]:
    """The arguments that were added to lines in which nothing else changed."""
    return [
        added
        for change in changes
        for run in change.runs
        if len(change.runs) == 1
        and not run.old
        and (added := _added(state.source, run)) is not None
    ]


def _added(source: Source, run: Run) -> _Added | None:
    node = node_of(source, run.span)
    call = next((each for each in (node, *above(node)) if each.type in CALLS), None)
    given = _arguments(call) if call is not None else []
    if call is None or len(given) < 2:
        return None
    text = "".join(run.new).strip().strip(",").strip()
    first = text_of(given[0]) == text
    if not text or not (first or text_of(given[-1]) == text):
        return None
    name = text_of(call.child_by_field_name("function"))
    return _Added(name, text, first, len(given) - 1, function_of(call))


def _arguments(call: Node) -> list[Node]:
    """The arguments of a call; none for a generator, which needs no brackets of its own."""
    given = call.child_by_field_name("arguments")
    if given is None or given.type == "generator_expression":
        return []
    return [each for each in given.named_children if "comment" not in each.type]


def _fits(call: Node, added: _Added) -> bool:
    """Whether the argument may go there: no name twice, and no place after a named one."""
    given = call.child_by_field_name("arguments")
    if given is None or any(_UNPACKED.search(each.type) for each in given.children):
        return False
    names = {found[1] for each in given.children if (found := _KEYWORD.match(text_of(each)))}
    own = _KEYWORD.match(added.text)
    return own[1] not in names if own else added.first or not names


def _takes(source: Source, name: str) -> int:
    """The number of parameters of the function with this name; 0 if it is not in this file."""
    for node in walk(source.tree.root_node):
        if is_function(node) and text_of(node.child_by_field_name("name")) == name:
            given = node.child_by_field_name("parameters")
            return len(given.named_children) if given else 0
    return 0


def _has_names(call: Node, added: _Added) -> bool:
    """Whether the argument's local names also exist in the function of the call."""
    function = function_of(call)
    for name in _WORD.findall(_KEYWORD.sub("", added.text)):
        is_local = added.function is not None and declares(added.function, name)
        if is_local and (function is None or not declares(function, name)):
            return False
    return True


def _ordinal(number: int) -> str:
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if 10 <= number % 100 <= 20 else ends.get(number % 10, 'th')}"
