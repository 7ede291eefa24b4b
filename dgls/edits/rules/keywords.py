"""A parameter that was renamed or taken out of a Python function: the keywords of its calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tree_sitter import Node

from dgls.edits.hunk import Hunk
from dgls.edits.state import Offer, State
from dgls.edits.tree import above, is_function, node_of, text_of, walk
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span

_NAME = re.compile(r"[^\W\d]\w*")
_BESIDE = re.compile(r"\s*,\s*")


@dataclass(frozen=True, slots=True)
class _Signature:
    """A function whose parameter `old` became `new`, which is empty where it is gone.

    `calls` is how the function is called; `owner` the class within which alone, if it has one.
    """

    calls: frozenset[str]
    owner: Node | None
    old: str
    new: str


def same_keyword(state: State) -> Iterator[Offer]:
    """The keyword of the parameter in calls of the function, in open files that import it too."""
    if state.source.language.id != "python":
        return
    for hunk in state.newest:
        changed = _changed(state, hunk)
        if changed is None:
            continue
        yield from _offers(state, state.source, "", changed, changed.owner)
        for path, source in _importers(state, changed).items():
            yield from _offers(state, source, path, changed, None)


def _importers(state: State, changed: _Signature) -> Mapping[str, Source]:
    """The other open files that import the function by its name."""
    names = [name for name in changed.calls if "." not in name]
    return {
        path: source
        for path, source in (state.others.items() if changed.owner is None else ())
        for name in names
        if name in source.text and re.search(rf"(?m)^\s*from\b.*\b{name}\b", source.text)
    }


def _offers(
    state: State, source: Source, path: str, changed: _Signature, within: Node | None
) -> Iterator[Offer]:
    for call in walk(within or source.tree.root_node):
        if (
            call.type != "call"
            or text_of(call.child_by_field_name("function")) not in changed.calls
        ):
            continue
        for given in (call.child_by_field_name("arguments") or call).named_children:
            name = given.child_by_field_name("name") if given.type == "keyword_argument" else None
            if name is None or text_of(name) != changed.old:
                continue
            why = f"the parameter `{changed.old}` " + (
                f"was renamed `{changed.new}`" if changed.new else "is gone"
            )
            span = source.span(name) if changed.new else _with_comma(source, source.span(given))
            if "\n" not in span.of(source.text):
                yield Offer(span, changed.new, "keyword", why, path)


def _with_comma(source: Source, span: Span) -> Span:
    """An argument with the comma before it, or after it where it is the first."""
    before = re.search(r",\s*\Z", source.text[: span.start])
    if before is not None:
        return Span(before.start(), span.end)
    after = _BESIDE.match(source.text, span.end)
    return Span(span.start, after.end() if after else span.end)


def _changed(state: State, hunk: Hunk) -> _Signature | None:
    """The one parameter that an edit has renamed or taken out; None where more changed."""
    function = _function(state.source, hunk.span.start)
    if function is None:
        return None
    edit = Edit(hunk.span, hunk.before)
    was = _function(state.source.edited([edit]), hunk.span.start)
    if was is None or _name(was) != _name(function):
        return None
    old, new = _parameters(was), _parameters(function)
    gone = [name for name in old if name not in new]
    fresh = [name for name in new if name not in old]
    if len(gone) != 1 or len(fresh) > 1 or any(name.startswith("**") for name in new):
        return None
    if fresh and [fresh[0] if name == gone[0] else name for name in old] != new:
        return None
    calls, owner = _calls(function)
    return _Signature(calls, owner, gone[0], fresh[0] if fresh else "") if calls else None


def _function(source: Source, at: int) -> Node | None:
    """The function in whose signature an offset lies."""
    text = source.text
    start = at + len(text[at:]) - len(text[at:].lstrip())
    node = node_of(source, Span(start, min(start + 1, len(text))))
    function = next(filter(is_function, (node, *above(node))), None)
    body = function.child_by_field_name("body") if function is not None else None
    return function if body is not None and source.byte_offset(start) < body.start_byte else None


def _name(function: Node) -> str:
    return text_of(function.child_by_field_name("name"))


def _parameters(function: Node) -> list[str]:
    """The names of a function's parameters, with the stars of those that take what is left."""
    given = function.child_by_field_name("parameters")
    found = []
    for each in given.named_children if given is not None else ():
        name = _NAME.search(text_of(each))
        if each.type != "comment" and name is not None:
            stars = re.match(r"\**", text_of(each))
            found.append((stars[0] if stars else "") + name[0])
    return found


def _calls(function: Node) -> tuple[frozenset[str], Node | None]:
    """How a function is called, and the class within which alone."""
    name = _name(function)
    around = [
        each for each in above(function) if each.type not in {"block", "decorated_definition"}
    ]
    if not name or not around or around[0].type == "module":
        return frozenset({name} if name else ()), None
    if around[0].type != "class_definition":
        return frozenset(), None
    if name == "__init__":
        return frozenset({text_of(around[0].child_by_field_name("name"))}), None
    return frozenset({f"self.{name}", f"cls.{name}"}), around[0]
