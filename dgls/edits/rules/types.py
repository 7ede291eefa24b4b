"""A type written in a newer form: the other types of the file in the older form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

from dgls.edits.hunk import Hunk
from dgls.edits.python_imports import imports_of, occurrences
from dgls.edits.rules.future import is_annotation, needs_future, written_forms
from dgls.edits.rules.needed import removed
from dgls.edits.state import Offer, State
from dgls.edits.tree import above, is_text, node_of
from dgls.edits.type_forms import (
    BUILTIN,
    DEFAULT,
    FORM_OF,
    FORMS,
    UNION,
    UNQUOTED,
    WHY,
    Site,
    heads,
    respelled,
    sites,
)
from dgls.text.lines import split_lines
from dgls.text.spans import Span

_SCOPES = frozenset({"function_definition", "class_definition", "lambda"})


def same_form(state: State) -> Iterator[Offer]:
    """Each line with types in an older form, rewritten in the forms that the edits ask for.

    Offered only while the last edit wrote such a type or removed its import, and only for lines
    that keep no other older form. In code that runs, such as an alias, the older form must often
    stay, so an edit must have written a newer one there.
    """
    asked = _requested_forms(state) if state.source.language.id == "python" else None
    if asked is None:
        return
    after = list(_after(state))
    kept = {form for form in FORMS if _has_site(after, form)}
    start = 0
    for line in split_lines(state.text, keepends=True):
        own = Span(start, start + len(line))
        start = own.end
        found = [each for each in sites(line, asked.forms) if _applies(state, own, each, asked)]
        if not found or state.was_edited(own):
            continue
        whole = Span(found[0].span.start, found[-1].span.end)
        text = respelled(whole.of(line), asked.forms)
        then = line[: whole.start] + text + line[whole.end :]
        if any(_has_site([then], form) for form in {BUILTIN, UNION} - asked.forms - kept):
            continue
        used = [form for form in FORMS if form in asked.forms and _has_site([line], form)]
        why = "; ".join(WHY[form] for form in used)
        yield Offer(Span(own.start + whole.start, own.start + whole.end), text, "type", why)


def _has_site(lines: Iterable[str], form: str) -> bool:
    """Whether the lines have a type that is still to be written in a form."""
    return any(site for line in lines for site in sites(line, {form}))


@dataclass(frozen=True, slots=True)
class _RequestedForms:
    """The newer `forms`: those `written` by edits, and those of names whose imports are `gone`.

    `everywhere` means that an edit wrote one in code that runs.
    """

    forms: frozenset[str]
    written: frozenset[str]
    gone: frozenset[str]
    everywhere: bool


def _requested_forms(state: State) -> _RequestedForms | None:
    """The forms that the edits ask for; None if the last edit asks for none."""
    head = imports_of(state.source)
    bound = {name.bound for each in head for name in each.names}
    gone = frozenset(removed(state, state.hunks)).intersection(FORM_OF) - bound
    unknown = frozenset[str]() if needs_future(state, head) else {UNQUOTED}
    last = state.last_hunks
    fresh = {name for name in gone if any(name in each.before for each in last)}
    if not (_written(state, last) - unknown or fresh):
        return None
    written = _written(state, state.hunks) - unknown
    forms = written.union(FORM_OF[name] for name in gone)
    return _RequestedForms(forms, written, gone, _runs_newer(state, written))


def _written(state: State, hunks: Iterable[Hunk]) -> frozenset[str]:
    return frozenset[str]().union(*(written_forms(state, each) for each in hunks))


def _after(state: State) -> Iterator[str]:
    """The edited lines as they are now."""
    for hunk in state.hunks:
        yield from split_lines(hunk.after(state.text))


def _applies(state: State, line: Span, site: Site, asked: _RequestedForms) -> bool:
    """Whether a site is an annotation or, if newer forms are used there, other code.

    A form that no edit wrote applies only to names whose imports are gone. `list[...]` does not
    apply where `list` is another name.
    """
    span = Span(line.start + site.span.start, line.start + site.span.end)
    names = heads(span.of(state.text))
    if any(
        name not in asked.gone and FORM_OF.get(name, DEFAULT) not in asked.written for name in names
    ):
        return False
    if any(
        _is_shadowed(state, name.lower(), span) for name in names if FORM_OF.get(name) == BUILTIN
    ):
        return False
    if is_annotation(state, span):
        return True
    is_code = not is_text(node_of(state.source, Span(span.start, span.start + 1)))
    return is_code and (asked.everywhere or bool(names and names <= asked.gone))


def _is_shadowed(state: State, name: str, place: Span) -> bool:
    """Whether code around a place binds a builtin name, such as a method called `list`."""
    return any(
        role == "binding" and _covers(state, span, place)
        for span, role in occurrences(state.source, name)
    )


def _covers(state: State, binding: Span, place: Span) -> bool:
    """Whether the scope of a binding holds a place."""
    node = node_of(state.source, binding)
    scopes = [each for each in above(node) if each.type in _SCOPES]
    if scopes and scopes[0].child_by_field_name("name") == node:
        scopes = scopes[1:]
    around = state.source.span(scopes[0]) if scopes else Span(0, len(state.text))
    return around.start <= place.start and place.end <= around.end


def _runs_newer(state: State, forms: Set[str]) -> bool:
    """Whether an edit wrote a newer form in code that runs."""
    for hunk in state.hunks:
        after = hunk.after(state.text)
        for line in split_lines(hunk.before):
            for site in sites(line, forms - {UNQUOTED}):
                at = hunk.span.start + after.find(site.text)
                span = Span(at, at + len(site.text))
                if site.text in after and not is_annotation(state, span):
                    return True
    return False
