"""A source with a marked cursor, and what the rules leave of an answer there."""

from __future__ import annotations

from dgls.sound.clean import sound
from dgls.sound.cleaned import Cleaned
from dgls.sound.site import Site, Wanted
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.spans import Span


def cleaned(language: str, marked: str, answer: str, wanted: Wanted, mark: str = "|") -> Cleaned:
    """The rest of an answer at the first `mark` of a source."""
    at = marked.index(mark)
    source = Source.parse(marked.replace(mark, "", 1), language_named(language))
    return sound(Site.of(source, Span(at, at), wanted), answer)
