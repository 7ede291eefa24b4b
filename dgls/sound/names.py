"""Names that code binds, and those that an edit takes away from the code around it."""

from __future__ import annotations

import re

from dgls.sound.rewrite import bound_names, outer_scopes, own_bound_names
from dgls.sound.site import Site
from dgls.sound.texts import is_text
from dgls.syntax.language import ScopeKind
from dgls.syntax.scopes import enclosing_scopes, name_of
from dgls.syntax.source import Source
from dgls.text.spans import Span


def lost_names(site: Site, text: str) -> tuple[str, ...]:
    """The names that only the code in the gap bound and that code outside it uses."""
    if not site.language.has_grammar:
        return ()
    after, span = site.filled(text), site.filled_span(text)
    lost = own_bound_names(site.source, site.span) - bound_names(after, span)
    return tuple(sorted(name for name in lost if _is_used_outside(site, name)))


def repeated_names(site: Site, text: str) -> tuple[str, ...]:
    """The names that the text defines although the file defines them outside the gap.

    Such a text repeats the code around the gap. Small models do this even if told not to.
    """
    if not site.language.has_grammar:
        return ()
    after, end = site.filled(text), len(site.source.text)
    new = _defined(after, site.filled_span(text)) - _defined(site.source, site.span)
    around = (Span(0, site.span.start), Span(site.span.end, end))
    known = {scope.name for scope in enclosing_scopes(site.source, site.span.start)}
    known |= {name for span in around for name in _defined(site.source, span)}
    return tuple(sorted(new & known))


def _defined(source: Source, span: Span) -> set[str]:
    """The names of the functions and classes in a span, without nested ones."""
    found: set[str] = set()
    for node in outer_scopes(source, span):
        name = name_of(node)
        if name is not None and name.text is not None:
            found.add(name.text.decode())
    return found


def _is_used_outside(site: Site, name: str) -> bool:
    """Whether code outside the gap, in the gap's function, uses the name."""
    source = site.source
    scopes = enclosing_scopes(source, site.span.start)
    # Names of a class or module are visible everywhere, and so are members.
    is_local = scopes and scopes[-1].kind is ScopeKind.FUNCTION
    if is_local and not re.search(r"[.>@:]", name):
        around = scopes[-1].span
    else:
        around = Span(0, len(source.text))
    before = _mentions(source, name, Span(around.start, max(around.start, site.span.start)))
    return before or _mentions(source, name, Span(site.span.end, max(around.end, site.span.end)))


def _mentions(source: Source, name: str, span: Span) -> bool:
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    uses = word.finditer(source.text, span.start, span.end)
    return any(not is_text(source, use.start()) for use in uses)
