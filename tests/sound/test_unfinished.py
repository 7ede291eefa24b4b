"""Where other gaps of the document are open, broken syntax says nothing of an answer."""

from __future__ import annotations

from dgls.sound.clean import sound
from dgls.sound.cleaned import Cleaned
from dgls.sound.site import Site, Wanted
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.spans import Span


def filled(marked: str, answer: str, *, unfinished: bool) -> Cleaned:
    at = marked.index("▮")
    source = Source.parse(marked.replace("▮", "", 1), language_named("python"))
    return sound(Site.of(source, Span(at, at), Wanted(unfinished=unfinished)), answer)


def test_it_is_trimmed_all_the_same() -> None:
    assert filled("f(▮) + g(\n", "a) + h(", unfinished=True).text == "a"


def test_an_open_bracket_is_refused_only_where_no_other_gap_may_close_it() -> None:
    assert not filled("x = 1\n▮\n", "y = (", unfinished=False).shown
    assert filled("x = 1\n▮\n", "y = (", unfinished=True).text == "y = ("
