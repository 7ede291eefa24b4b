"""Cuts an answer's end that spoils the rest of the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dgls.sound.site import Site
from dgls.sound.syntax import keeps, wrong
from dgls.sound.texts import text_around

_END = re.compile(r"[^\w\s]\s*$")
_MOST = 4
"""At most this many signs are cut; with more of them at its end it is another text."""


def without_end_that_breaks(site: Site, text: str) -> str:
    """The text without trailing signs that only add errors: an extra bracket or quote.

    In code that is unfinished at the gap, an answer may leave fewer errors than before and yet more
    than its beginning alone: `)*/` where `)` is missing, or `true,` before a `}` in JSON.
    """
    if not site.language.has_grammar or "\n" in text.strip() or site.in_text:
        return text
    least, best = wrong(site, text), text
    if not least[0]:
        return text
    for shorter in _shorter(text):
        found = wrong(site, shorter)
        if found[0] < least[0] and keeps(site, shorter):
            least, best = found, shorter
    return best


def without_comment_before_code(site: Site, text: str) -> str:
    """The text without a trailing comment that would swallow the rest of the gap's line."""
    if not site.in_line or not site.language.has_grammar:
        return text
    after, span = site.filled(text), site.filled_span(text)
    tail = len(site.line_tail) - len(site.line_tail.lstrip())
    around = text_around(after, span.end + tail)
    if around is None or "comment" not in around.type:
        return text
    begin = after.offset(around.start_byte)
    return text[: begin - span.start].rstrip() if span.start <= begin < span.end else text


def _shorter(text: str) -> Iterator[str]:
    for _ in range(_MOST):
        if not _END.search(text):
            return
        text = _END.sub("", text)
        if text.strip():
            yield text
