"""Makes one answer for one gap sound, or refuses it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dgls.sound.already import without_what_the_file_has
from dgls.sound.block import within_block
from dgls.sound.cleaned import Change, Cleaned, Refusal
from dgls.sound.ends import (
    within_comment,
    within_line,
    without_comment_before_code,
    without_end_of_nothing,
    without_end_that_breaks,
)
from dgls.sound.holes import begins_its_function_anew, is_hole_again
from dgls.sound.indent import indented
from dgls.sound.prose import without_what_the_prose_says
from dgls.sound.rejoin import rejoined
from dgls.sound.repeats import without_lines_said_twice, without_what_follows
from dgls.sound.rewrite import why_not_rewrite
from dgls.sound.site import Purpose, Site
from dgls.sound.syntax import keeps, without_stray_closers
from dgls.syntax.brackets import OPENERS, open_brackets
from dgls.text.indentation import USUAL_UNIT, indentation
from dgls.text.lines import with_line_ends

_EMPTIED = {Change.FOLLOWS: Refusal.FOLLOWS, Change.ALREADY: Refusal.REPEATS}
"""The refusal for an answer of which a change left nothing."""


def sound(site: Site, answer: str, score: float | None = None) -> Cleaned:
    """The part of an answer that may be put into its gap, with the changes or the refusal.

    `score` is the answer's, for rewrites. The result keeps the syntax, does not repeat what
    follows, and is indented like the file. A sound text stays unchanged.
    """
    text = with_line_ends(answer, "\n")
    if not text.strip():
        return _refused(Refusal.EMPTY)
    if site.wanted.purpose is Purpose.REWRITE:
        return _rewritten(site, text, score)
    changes: list[Change] = []
    text = _trimmed(site, text, changes)
    if not text:
        why = (_EMPTIED[change] for change in reversed(changes) if change in _EMPTIED)
        return _refused(next(why, Refusal.EMPTY), changes)
    if is_hole_again(site, text):
        return _refused(Refusal.HOLE, changes)
    if begins_its_function_anew(site, text):
        return _refused(Refusal.REPEATS, changes)
    if site.wanted.unfinished:
        return Cleaned(text, tuple(changes))
    for mended, change in _mended(site, text):
        # The shortened text may again end with what follows.
        again = _trimmed(site, mended, []) if changes or change else mended
        if again and (again == mended or keeps(site, again)):
            if is_hole_again(site, again):
                return _refused(Refusal.HOLE, changes)
            return Cleaned(again, (*changes, *change))
    return _refused(Refusal.BROKEN, changes)


def _refused(why: Refusal, changes: Sequence[Change] = ()) -> Cleaned:
    return Cleaned("", tuple(changes), why)


def _rewritten(site: Site, answer: str, score: float | None) -> Cleaned:
    """Accept a rewrite unchanged or refuse it."""
    changes: list[Change] = []
    text = _stepped(indented(site, answer), answer, Change.INDENTED, changes).rstrip()
    reason = why_not_rewrite(site, text, score) if keeps(site, text) else Refusal.BROKEN
    if reason is None and is_hole_again(site, text):
        reason = Refusal.HOLE
    if reason is None and _ends_with_what_follows(site, text):
        reason = None if _ends_with_what_follows(site, site.old) else Refusal.FOLLOWS
    return Cleaned(text, tuple(changes)) if reason is None else _refused(reason, changes)


def _ends_with_what_follows(site: Site, text: str) -> bool:
    return without_what_follows(site, text) != text


def _trimmed(site: Site, answer: str, changes: list[Change]) -> str:
    """The new part of an answer; empty if all of it is in the document already."""
    text = answer
    most = 1 if site.in_line else site.wanted.max_lines
    text = _stepped("\n".join(text.split("\n")[:most]), text, Change.CLIPPED, changes)
    if "\n" in text:
        # This step comes first, because indenting would move lines that repeat the next ones.
        text = _stepped(without_what_follows(site, text), text, Change.FOLLOWS, changes)
    text = _stepped(indented(site, text), text, Change.INDENTED, changes)
    text = _stepped(within_line(site, text), text, Change.RAN_ON, changes)
    text = _stepped(within_comment(site, text), text, Change.RAN_ON, changes)
    text = _stepped(within_block(site, text), text, Change.RAN_ON, changes)
    text = _stepped(without_lines_said_twice(site, text), text, Change.SAID_TWICE, changes)
    text = _stepped(without_what_the_file_has(site, text), text, Change.ALREADY, changes)
    text = _stepped(without_what_the_prose_says(site, text), text, Change.ALREADY, changes)
    text = _stepped(without_comment_before_code(site, text), text, Change.COMMENT, changes)
    text = _stepped(without_stray_closers(site, text), text, Change.STRAY_CLOSER, changes)
    text = _stepped(without_end_of_nothing(site, text), text, Change.STRAY_CLOSER, changes)
    text = _stepped(without_what_follows(site, text), text, Change.FOLLOWS, changes)
    if site.in_line:
        text = _stepped(rejoined(site, text), text, Change.REJOINED, changes)
    if not site.line_tail or site.line_tail[0].isspace():
        text = text.rstrip()
    return text if text.strip() else ""


def _stepped(new: str, old: str, change: Change, changes: list[Change]) -> str:
    """The text after one step; the change is noted if it is more than trailing white space."""
    if new.rstrip() != old.rstrip():
        changes.append(change)
    return new


def _mended(site: Site, text: str) -> Iterator[tuple[str, tuple[Change, ...]]]:
    """The text if it keeps the syntax, then repaired parts of it, the longest first."""
    if keeps(site, text):
        best = without_end_that_breaks(site, text)
        yield best, (Change.BROKEN_END,) if best != text else ()
        return
    for mended, change in _completed(site, text):
        if keeps(site, mended):
            yield mended, (change,)
            return
    if site.wanted.purpose is Purpose.AUTOMATIC and text[-1] in OPENERS:
        # The user continues after an opening bracket, and the editor then closes it.
        head = text[:-1].rstrip()
        if head and keeps(site, head):
            yield head, (Change.OPEN_END,)
            return
    lines = text.split("\n")
    for count in range(len(lines) - 1, 0, -1):
        head = "\n".join(lines[:count]).rstrip()
        if head.strip() and keeps(site, head):
            yield head, (Change.BROKEN_END,)


def _completed(site: Site, text: str) -> Iterator[tuple[str, Change]]:
    """The text with what its last or first line lacks, if there is room for another line."""
    if site.in_line or not site.language.has_grammar:
        return
    lines = text.split("\n")
    if len(lines) >= site.wanted.max_lines:
        return
    last = site.line_head + text if len(lines) == 1 else lines[-1]
    if site.opens_block(last):
        for closer in _closers(site, text):
            yield f"{text}\n{indentation(last)}{closer}", Change.CLOSED
    if site.line_head.strip() and site.opens_block(site.line_head) and lines[0].strip():
        inner = indentation(site.line_head) + (site.unit or USUAL_UNIT)
        yield f"\n{inner}{text.lstrip()}", Change.NEW_LINE


def _closers(site: Site, text: str) -> Iterator[str]:
    """Possible closing lines for the block that a text opens at its end."""
    after, span = site.filled(text), site.filled_span(text)
    unclosed = [each for each in open_brackets(after, span) if each.at >= span.start]
    if unclosed:
        yield "".join(OPENERS[each.char] for each in reversed(unclosed))
    yield from sorted(site.language.closers - {"}"})
