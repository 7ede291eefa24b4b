"""Rewrites Python import statements: removes names, adds names, removes and adds whole lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dgls.edits.import_order import (
    Form,
    Key,
    before,
    by_type,
    each_alone,
    groups,
    is_from,
    is_sorted,
    list_order,
    order_of,
    parts_kinds,
    parts_of,
    section,
)
from dgls.edits.python_imports import Import, Name, imports_of
from dgls.edits.state import Offer, State
from dgls.syntax.source import Source
from dgls.text.spans import Span

_SHORT, _LONG = 88, 120
"""An import line may be as long as the file's longest line, within these bounds."""


@dataclass(frozen=True, slots=True)
class _Style:
    """The files' import style: order, own packages, and blank lines between the two kinds."""

    key: Key
    own: frozenset[str]
    parts_kinds: bool


_Order = Callable[[str], tuple[int, str]]


def rewritten(
    source: Source, statement: Import, gone: Mapping[Name, str], forms: Sequence[Form]
) -> Iterator[Offer]:
    """A statement without the names that are gone, and with the forms that join it."""
    left = [name for name in statement.names if name not in gone]
    if not left and not forms:
        if statement.place and _is_alone(source, statement):
            return
        yield Offer(_with_blank(source, statement), "", "import", next(iter(gone.values())))
        return
    order = list_order([name.text for name in statement.names])
    forms = forms if order else ()
    if not gone and not forms:
        return
    if "\n" in statement.span.of(source.text).rstrip():
        yield from _in_lines(source, statement, gone, forms, order)
        return
    whole = Span(statement.names[0].span.start, statement.names[-1].span.end)
    texts = [name.text for name in left]
    for form in forms:
        texts = _inserted(texts, form.text, order) if order else texts
    text = ", ".join(texts)
    why = "; ".join([*gone.values(), *(_why(form) for form in forms)])
    if len(statement.span) - len(whole) + len(text) <= _longest(source.text) + 1:
        yield Offer(whole, text, "import", why)


def new_statements(
    state: State, head: tuple[Import, ...], forms: Sequence[Form]
) -> Iterator[Offer]:
    """New import lines at their sorted place, if the file has similar lines."""
    if not forms:
        return
    heads = [imports_of(each) for each in (state.source, *state.others.values())]
    style = _style(state, heads)
    end = "\r\n" if "\r\n" in state.text else "\n"
    places: dict[tuple[int, str, str], list[Form]] = {}
    statements = forms if each_alone(heads) else tuple(_merged(forms))
    for form in statements:
        place = _place(form, list(groups(head, form.place)), style, end)
        if place is not None:
            places.setdefault(place, []).append(form)
    for (at, first, last), found in places.items():
        ahead = _indentation(state.text, head, found[0].place)
        lines = "".join(ahead + each.statement + end for each in sorted(found, key=style.key))
        why = "; ".join(map(_why, found))
        yield Offer(Span(at, at), first + lines + last, "import", why)


def _indentation(text: str, head: tuple[Import, ...], place: str) -> str:
    line = next(each.span.of(text) for each in head if each.place == place)
    return line[: len(line) - len(line.lstrip())]


def _style(state: State, heads: Sequence[Sequence[Import]]) -> _Style:
    parts = {part for path in (state.path, *state.others) for part in parts_of(path)}
    own = frozenset(part.removesuffix(".py") for part in parts)
    return _Style(order_of(heads), own, parts_kinds(heads, own))


def _place(
    form: Form, tops: list[list[Import]], style: _Style, end: str
) -> tuple[int, str, str] | None:
    """Where a statement goes, and the separators before and after it."""
    part, key = section(form, style.own), style.key
    alike = [group for group in tops if part in {section(each, style.own) for each in group}]
    of_kind = [group for group in alike if is_from(form) in map(is_from, group)]
    for group in (of_kind or alike)[:1]:
        if not of_kind and style.parts_kinds:
            at_end = (group[-1].span.end, end, "")
            return at_end if is_from(form) else (group[0].span.start, "", end)
        if not is_sorted(group, key):
            return None
        later = (each.span.start for each in group if before(form, each, key))
        return next(later, group[-1].span.end), "", ""
    earlier = [group for group in tops if section(group[-1], style.own) < part]
    if earlier:
        return earlier[-1][-1].span.end, end, ""
    return (tops[0][0].span.start, "", end) if tops else None


def _merged(forms: Sequence[Form]) -> Iterator[Form]:
    """One statement for all names of a module."""
    modules: dict[tuple[str, str], list[str]] = {}
    for form in forms:
        if form.module:
            modules.setdefault((form.module, form.place), []).append(form.text)
        else:
            yield form
    for (module, place), names in modules.items():
        yield Form(module, ", ".join(sorted(names, key=by_type)), place)


def _in_lines(
    source: Source,
    statement: Import,
    gone: Mapping[Name, str],
    forms: Iterable[Form],
    order: _Order | None,
) -> Iterator[Offer]:
    """As `rewritten`, for a list with one name per line; no offers for other multi-line lists."""
    lines = {name: _line(source.text, name) for name in statement.names}
    if any(span.of(source.text).strip() != f"{name.text}," for name, span in lines.items()):
        return
    for name, why in gone.items():
        yield Offer(lines[name], "", "import", why)
    if order is None:
        return
    for form in forms:
        later = (n for n in statement.names if order(form.text) < order(n.text))
        after = next(later, None)
        at = lines[after].start if after else lines[statement.names[-1]].end
        like = lines[statement.names[0]].of(source.text)
        text = like.replace(statement.names[0].text, form.text, 1)
        yield Offer(Span(at, at), text, "import", _why(form))


def _line(text: str, name: Name) -> Span:
    return Span(text.rfind("\n", 0, name.span.start) + 1, text.index("\n", name.span.end) + 1)


def _inserted(texts: list[str], text: str, order: _Order) -> list[str]:
    at = next((i for i, each in enumerate(texts) if order(text) < order(each)), len(texts))
    return [*texts[:at], text, *texts[at:]]


def _with_blank(source: Source, statement: Import) -> Span:
    """The lines of a statement, and one of the blank lines if it has one on each side."""
    text, span = source.text, statement.span
    above = text[: span.start].splitlines(keepends=True)[-1:]
    below = text[span.end :].splitlines(keepends=True)[:1]
    if statement.place or not above or not below or above[0].strip() or below[0].strip():
        return span
    return Span(span.start - len(above[0]), span.end)


def _is_alone(source: Source, statement: Import) -> bool:
    """Whether a statement is the only one in its block."""
    node = source.node_at(statement.names[0].span)
    while node.parent is not None and node.type != "block":
        node = node.parent
    return node.named_child_count == 1


def _longest(text: str) -> int:
    return max(_SHORT, min(_LONG, max(map(len, text.splitlines()), default=0)))


def _why(form: Form) -> str:
    if form.module == "__future__":
        return "the types are written for it"
    return f"`{form.bound}` is used and not imported"
