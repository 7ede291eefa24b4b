"""Ends an answer where it reaches the text that follows the gap on its line.

A model that fills a gap within a line often writes the whole line, including its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate, pairwise

from dgls.sound.repeats import tokens
from dgls.sound.site import Site
from dgls.sound.syntax import wrong
from dgls.sound.words import is_word_char, says_something, word_at_start
from dgls.syntax.brackets import CLOSERS, OPENERS, brackets
from dgls.text.lines import line_around

_MOST = 8
"""At most this many places are tried; each is parsed."""

_FEWEST = 2
"""So many tokens are no accident if one of them is a word; without a word it takes one more."""


def rejoined(site: Site, text: str) -> str:
    """The text up to where it repeats the next token of the line, if that mends the syntax.

    `input: T): U {` before `) {` ends with `input: T`. If the line continues inside a word, the
    text ends inside one too: `self, a: int):` before `lf, a: int):` ends with `se`. In strings and
    comments, which have no syntax, the next tokens tell: "t` block." before "` block on" ends with
    `t`.
    """
    tail = site.line_tail.rstrip()
    if not tail:
        return text
    in_word = is_word_char(tail[0])
    written = text.rstrip()
    if in_word and word_at_start(tail) != tail and written.endswith(tail):
        return written[: -len(tail)]
    if not site.language.has_grammar:
        return text
    if site.in_text:
        return _before_what_follows(text, tail)
    text = _without_closed_twice(site, text)
    least, kept = wrong(site, text), text
    if not least[0]:
        return text
    for head in _heads(text, tail, in_word=in_word):
        found = wrong(site, head)
        if found < least:
            least, kept = found, head
    return kept


def _without_closed_twice(site: Site, text: str) -> str:
    """The text up to the bracket that it closes although the rest of the line does so.

    `self):` before the `)` of an unfinished header ends with `self`.
    """
    closer = site.line_tail.lstrip()[:1]
    pair = (CLOSERS.get(closer), closer)
    line = line_around(site.prefix, len(site.prefix)).start
    unclosed = [each for each in site.open_brackets if each.at >= line and each.char in pair]
    span = site.filled_span(text)
    signs = [each for each in brackets(site.filled(text), span) if each.char in pair]
    depths = [0, *accumulate(1 if each.char in OPENERS else -1 for each in signs)]
    steps = ((char in OPENERS) - (char in CLOSERS) for char in site.line_tail if char in pair)
    closing = -min([0, *accumulate(steps)])
    if not unclosed or depths[-1] >= 0 or closing < len(unclosed):
        return text
    closes = [
        each.at for each, step in zip(signs, pairwise(depths), strict=True) if step == (0, -1)
    ]
    kept = text[: closes[-1] - span.start]
    return kept if kept.strip() else text


def _before_what_follows(text: str, tail: str) -> str:
    """The text before the first tokens of `tail`, if it has them all and they are no accident."""
    first = [token.text for token in tokens(tail)]
    count = _FEWEST if any(map(says_something, first[:_FEWEST])) else _FEWEST + 1
    first, written = first[:count], list(tokens(text))
    if len(first) < count:
        return text
    for index, token in enumerate(written):
        if [each.text for each in written[index : index + count]] == first:
            return text[: token.start].rstrip() if tail[0].isspace() else text[: token.start]
    return text


def _heads(text: str, tail: str, *, in_word: bool) -> Iterator[str]:
    """The text before each place that continues like the line, the longest first."""
    word = word_at_start(tail.lstrip())
    sought = re.escape(word) + r"(?!\w)" if word else re.escape(tail.lstrip()[0])
    if word and not in_word:
        sought = r"(?<!\w)" + sought
    starts = [match.start() for match in re.finditer(sought, text)]
    for start in starts[: -_MOST - 1 : -1]:
        head = text[:start] if in_word else text[:start].rstrip()
        if head.strip():
            yield head
