"""Cuts an answer's end that spoils the rest of the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dgls.sound.site import Purpose, Site
from dgls.sound.syntax import keeps, wrong
from dgls.sound.texts import text_around
from dgls.sound.words import word_at_start
from dgls.syntax.brackets import open_brackets
from dgls.text.lines import line_around
from dgls.text.spans import Span

_END = re.compile(r"[^\w\s]\s*$")
_GOES_ON = re.compile(r"[(\[{\\=+\-*/|&?:.]$")
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


def without_end_of_nothing(site: Site, text: str) -> str:
    """The text up to its first line that closes a block by a word although none is open.

    The grammars of Ruby and of shells read such a word as the name of a call.
    """
    after, begin, done = site.filled(text), site.filled_span(text).start, 0
    for number, line in enumerate(text.split("\n")):
        word = word_at_start(line.lstrip())
        begins_line = number > 0 or not site.line_head.strip()
        if word and begins_line and site.language.closes(line):
            start = begin + done + len(line) - len(line.lstrip())
            if after.node_at(Span(start, start + len(word))).is_named:
                return text[:done].rstrip()
        done += len(line) + 1
    return text


def within_line(site: Site, text: str) -> str:
    """The text up to the end of the line that it completes, if code follows on the next line.

    More lines are wanted only where the first one leaves something open.
    """
    first, more, _ = text.partition("\n")
    is_completed = site.line_head.strip() and first.strip() and more
    if site.wanted.purpose is not Purpose.EXPLICIT or not is_completed:
        return text
    if not _has_code_below(site) or _in_line_comment(site):
        return text
    if site.opens_block(site.line_head + first) or _GOES_ON.search(first.rstrip()):
        return text
    if not site.language.has_grammar:
        return first
    line = line_around(site.prefix, len(site.prefix)).start
    after, end = site.filled(first), site.filled_span(first).end
    is_open = any(each.at >= line for each in open_brackets(after, Span(0, end)))
    return text if is_open or not keeps(site, first) else first


def within_comment(site: Site, text: str) -> str:
    """The text up to its first line that is code, if it begins in a comment about what follows.

    Code may follow a comment only where nothing else follows it yet.
    """
    if "\n" not in text or not _has_code_below(site) or not _in_line_comment(site):
        return text
    first, *others = text.split("\n")
    mark = site.language.line_comment
    count = next((i for i, line in enumerate(others) if not line.lstrip().startswith(mark)), None)
    return text if count is None else "\n".join([first, *others[:count]])


def _has_code_below(site: Site) -> bool:
    """Whether the line below the gap's own is not blank."""
    return any(line.strip() for line in site.suffix.split("\n")[1:2])


def _in_line_comment(site: Site) -> bool:
    """Whether the gap is at the end of a comment that ends with its line."""
    around = site.text_before
    if not site.line_head or around is None or "comment" not in around.type:
        return False
    begin = site.source.span(around).start
    written = site.source.text[begin : site.span.start]
    return "\n" not in written and written.startswith(site.language.line_comment)


def _shorter(text: str) -> Iterator[str]:
    for _ in range(_MOST):
        if not _END.search(text):
            return
        text = _END.sub("", text)
        if text.strip():
            yield text
