"""A type that was written in a newer form: the other types of the file that have the older one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from dgls.edits.hunk import Hunk
from dgls.edits.python_imports import imports_of
from dgls.edits.rules.future import is_annotation, needs_future, written_forms
from dgls.edits.state import Offer, State
from dgls.edits.tree import is_text, node_of
from dgls.edits.type_forms import (
    BUILTIN,
    FORMS,
    UNION,
    UNQUOTED,
    WHY,
    Site,
    respelled,
    sites,
)
from dgls.text.lines import split_lines
from dgls.text.spans import Span


def same_form(state: State) -> Iterator[Offer]:
    """Each line whose types have an older form, in the forms that the edits have written.

    Only while the last edit wrote such a type, and where no older form is left that may go, too.
    What is run, such as an alias, has the older form longer: an edit must have written one there.
    """
    if state.source.language.id != "python":
        return
    head = imports_of(state.source)
    unknown = frozenset[str]() if needs_future(state, head) else {UNQUOTED}
    forms = _written(state, state.last_hunks()) - unknown
    forms = forms and (forms | _written(state, state.hunks)) - unknown
    if not forms:
        return
    kept = {form for form in FORMS if any(any(sites(each, {form})) for each in _after(state))}
    everywhere = _runs_newer(state, forms)
    start = 0
    for line in split_lines(state.text, keepends=True):
        own = Span(start, start + len(line))
        start = own.end
        found = [each for each in sites(line, forms) if _is_type(state, own, each, everywhere)]
        if not found or state.was_edited(own):
            continue
        whole = Span(found[0].span.start, found[-1].span.end)
        text = respelled(whole.of(line), forms)
        then = line[: whole.start] + text + line[whole.end :]
        if any(any(sites(then, {form})) for form in {BUILTIN, UNION} - forms - kept):
            continue
        why = "; ".join(WHY[form] for form in FORMS if form in forms and any(sites(line, {form})))
        yield Offer(Span(own.start + whole.start, own.start + whole.end), text, "type", why)


def _written(state: State, hunks: Iterable[Hunk]) -> frozenset[str]:
    return frozenset[str]().union(*(written_forms(state, each) for each in hunks))


def _after(state: State) -> Iterator[str]:
    """The edited lines as they are now."""
    for hunk in state.hunks:
        yield from split_lines(hunk.after(state.text))


def _is_type(state: State, line: Span, site: Site, everywhere: bool) -> bool:
    """Whether a site is an annotation or, where the newer form fits everywhere, code."""
    span = Span(line.start + site.span.start, line.start + site.span.end)
    if is_annotation(state, span):
        return True
    return everywhere and not is_text(node_of(state.source, Span(span.start, span.start + 1)))


def _runs_newer(state: State, forms: Set[str]) -> bool:
    """Whether an edit wrote a newer form where it is run."""
    for hunk in state.hunks:
        after = hunk.after(state.text)
        for line in split_lines(hunk.before):
            for site in sites(line, forms - {UNQUOTED}):
                at = hunk.span.start + after.find(site.text)
                span = Span(at, at + len(site.text))
                if site.text in after and not is_annotation(state, span):
                    return True
    return False
