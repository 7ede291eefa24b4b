"""Checks that an answer leaves the syntax around its gap at least as sound as before."""

from __future__ import annotations

from collections.abc import Sequence

from dgls.sound.levels import keeps_levels
from dgls.sound.site import Purpose, Site
from dgls.sound.texts import is_text, text_around
from dgls.sound.unclosed import leaves_text_open
from dgls.syntax.brackets import OPENERS, Bracket, brackets, open_brackets
from dgls.syntax.guard import Damage, damage, is_no_worse
from dgls.syntax.source import Source
from dgls.text.indentation import columns, indentation
from dgls.text.lines import line_around
from dgls.text.spans import Edit, Span

_WHOLE = frozenset({Purpose.HOLE, Purpose.REWRITE})
"""Purposes after which nobody continues to type."""


def keeps(site: Site, text: str) -> bool:
    """Whether a text may fill the gap.

    It may if the parser finds no more errors than before and what follows does not become part of a
    string or a comment. If the gap's line is unfinished, the text must continue it.
    """
    if not site.language.has_grammar:
        return True
    after = site.filled(text)
    edits = [site.edit(text)]
    if not (is_no_worse(site.source, after, edits) or _is_as_good_as_a_word(site, after, text)):
        return False
    if not keeps_levels(site, text) or _leaves_header(site, text) or _leaves_body(site, text):
        return False
    if leaves_text_open(after, site.filled_span(text)) or _is_worse_than_a_word(site, after):
        return False
    if _lacks_colon(site, site.line_head) and not _continues_line(site, after, text):
        return False
    if _less(damage(after), site.damage):
        # The text closes what was open before or after the gap.
        return True
    return not _swallows(site, after, text) and _continues_line(site, after, text)


def _leaves_header(site: Site, text: str) -> bool:
    """Whether a finished text ends with a header that gets no body from what follows."""
    if not site.language.blocks or site.wanted.purpose not in _WHOLE:
        return False
    last = next((line for line in reversed(text.split("\n")) if line.strip()), "")
    following = next((line for line in site.suffix.split("\n")[1:] if line.strip()), "")
    is_header = site.opens_block(last) and not is_text(site.filled(text), _end(site, text) - 1)
    own = columns(indentation(last if last != text else site.line_head + text))
    return is_header and columns(indentation(following)) <= own


def _leaves_body(site: Site, text: str) -> bool:
    """Whether a text puts a statement on the line of a header whose body is below.

    Tree-sitter parses both as one body, but Python refuses them.
    """
    first, *others = text.split("\n")
    if not site.language.blocks or not site.opens_block(site.line_head) or site.open_brackets:
        return False
    if not first.strip() or first.lstrip().startswith(site.language.line_comment):
        return False
    below = next((line for line in (*others, *site.suffix.split("\n")[1:]) if line.strip()), "")
    return columns(indentation(below)) > columns(indentation(site.line_head))


def _end(site: Site, text: str) -> int:
    return site.filled_span(text.rstrip()).end


def without_stray_closers(site: Site, text: str) -> str:
    """The text up to its first bracket that closes nothing."""
    if not site.language.has_grammar:
        return text
    after, span = site.filled(text), site.filled_span(text)
    unclosed = [bracket.char for bracket in site.open_brackets]
    for bracket in brackets(after, span):
        if bracket.char in OPENERS:
            unclosed.append(bracket.char)
        elif unclosed and OPENERS[unclosed[-1]] == bracket.char:
            unclosed.pop()
        else:
            found = wrong(site, text)
            # The tree may know better: a `)` after a `case` has no opening bracket and is right.
            if found == (0, 0):
                return text
            kept = text[: bracket.at - span.start]
            return kept if wrong(site, kept)[0] <= found[0] else text
    return text


def wrong(site: Site, text: str) -> tuple[int, int]:
    """The damage to the document with a text in the gap: errors, and bytes in them."""
    found = damage(site.filled(text)) if site.language.has_grammar else Damage(0, 0)
    return found.faults, found.covered


def _swallows(site: Site, after: Source, text: str) -> bool:
    """Whether the first code after the gap becomes part of a string or comment."""
    rest = site.source.text[site.span.end :]
    offset = len(rest) - len(rest.lstrip())
    if offset == len(rest):
        return False
    end = site.filled_span(text).end + len(site.tail)
    around = text_around(after, end + offset)
    # A comment that begins after `<?php` is a new one.
    if around is None or around.start_byte >= after.byte_offset(end):
        return False
    return not is_text(site.source, site.span.end + offset)


def _is_as_good_as_a_word(site: Site, after: Source, text: str) -> bool:
    """Whether a text in an unfinished line leaves what a plain word of its length would.

    Where errors lie within errors, even a word adds to each of them.
    """
    if not site.in_line or not site.damage.faults or "\n" in text:
        return False
    word = damage(site.filled("x" * len(text)))
    return word.faults <= site.damage.faults and damage(after) == word


def _is_worse_than_a_word(site: Site, after: Source) -> bool:
    """Whether the rest of a line needs no more than a word in the gap, and now needs more."""
    if not site.in_line or not site.damage.faults:
        return False
    return damage(after).faults > damage(site.filled("x")).faults


def _continues_line(site: Site, after: Source, text: str) -> bool:
    """Whether an unfinished line is as sound with the text as without, once both are finished.

    A line is finished by closing the brackets that it opened, and by the colon of a header whose
    body is below. This tells `f(a, ` filled with `b` from the same filled with `b c`: unfinished,
    each is one error.
    """
    if not site.damage.faults or site.in_line or site.old:
        return True
    line = line_around(site.prefix, len(site.prefix)).start
    unclosed = [bracket for bracket in site.open_brackets if bracket.at >= line]
    colon = _lacks_colon(site, site.line_head)
    before = _finished(site.source, site.span.end, unclosed, colon)
    if not (unclosed or colon) or not _less(damage(before), site.damage):
        return True
    span = site.filled_span(text)
    left = [each for each in open_brackets(after, Span(0, span.end)) if each.at >= line]
    if colon and len(left) > len(unclosed):
        # The lines below go on in a bracket, not in a body.
        return True
    colon = "\n" not in text and _lacks_colon(site, site.line_head + text)
    finished = damage(_finished(after, span.end, left, colon))
    allowed = damage(before)
    added = len(text.encode())
    return finished.faults <= allowed.faults and finished.covered <= allowed.covered + added


def _lacks_colon(site: Site, line: str) -> bool:
    """Whether a line that is begun has a body below, and no colon yet, as headers need it."""
    below = next((each for each in site.suffix.split("\n")[1:] if each.strip()), "")
    is_header = columns(indentation(below)) > columns(indentation(line))
    is_begun = bool(site.language.blocks and line.strip())
    return is_begun and is_header and not site.opens_block(line)


def _finished(source: Source, at: int, unclosed: Sequence[Bracket], colon: bool) -> Source:
    """The source with closing brackets, and a colon if wanted, inserted at `at`."""
    closers = "".join(OPENERS[bracket.char] for bracket in reversed(unclosed))
    return source.edited([Edit(Span(at, at), closers + ":" * colon)])


def _less(one: Damage, other: Damage) -> bool:
    return (one.faults, one.covered) < (other.faults, other.covered)
