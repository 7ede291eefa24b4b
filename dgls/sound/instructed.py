"""Turns the answer to an instruction into an edit of the selected code, or refuses it.

This is the only place that reads answers to instructions. An answer is taken completely or not at
all: it is one fenced block, its code is indented like the code that it replaces, the parser's
errors do not grow, and names that are defined here and used elsewhere stay.
"""

from __future__ import annotations

import re

from dgls.sound.cleaned import Change, Cleaned, Refusal
from dgls.sound.names import lost_names, repeated_names
from dgls.sound.site import Purpose, Site, Wanted
from dgls.sound.syntax import keeps
from dgls.syntax.source import Source
from dgls.text.indentation import indentation, unit_of
from dgls.text.lines import with_line_ends
from dgls.text.margin import with_margin
from dgls.text.spans import Span

_OPENS = re.compile(r"^[ \t]*(`{3,}|~{3,})[^`\n]*$", re.MULTILINE)
_LEFT_OUT = re.compile(
    r"^\s*(?:#|//|/\*|--|<!--).*(?:\.\.\.|…).*$|"
    r"^\s*(?:#|//|/\*|--|<!--).*\b(?:rest of|existing|remaining|unchanged|previous) "
    r"(?:the )?(?:code|function|method|class|implementation|logic)\b.*$",
    re.MULTILINE | re.IGNORECASE,
)
_TAB_WIDTH = 4


def instructed(source: Source, span: Span, answer: str, complete: bool = True) -> Cleaned:
    """The replacement for the code in `span`, which must not end in white space.

    An answer that is not `complete` was cut off and is refused.
    """
    site = Site.of(source, span, Wanted(Purpose.REWRITE, answer.count("\n") + 1))
    block = _block_of(with_line_ends(answer, "\n"))
    if not complete:
        return Cleaned("", (), Refusal.CUT_OFF)
    if isinstance(block, Refusal):
        return Cleaned("", (), block)
    code = block.strip("\n")
    text = with_margin(site.line_head, site.old, in_unit_of(site, code)).rstrip()
    changes = () if text == code else (Change.INDENTED,)
    why = _why_not(site, text)
    if why is not None:
        return Cleaned("", changes, why)
    if lost := lost_names(site, text):
        return Cleaned("", changes, Refusal.DROPS, lost)
    if repeated := repeated_names(site, text):
        return Cleaned("", changes, Refusal.REPEATS, repeated)
    return Cleaned(text, changes)


def _block_of(answer: str) -> str | Refusal:
    """The text in the only fenced block of an answer; words around it are ignored."""
    opened = _OPENS.search(answer)
    if opened is None:
        return Refusal.NO_BLOCK if answer.strip() else Refusal.EMPTY
    fence = opened[1]
    closing = re.compile(rf"^[ \t]*{fence}[ \t]*$", re.MULTILINE)
    closed = closing.search(answer, opened.end())
    if closed is None:
        return Refusal.CUT_OFF
    if _OPENS.search(answer, closed.end()):
        return Refusal.NO_BLOCK
    return answer[opened.end() + 1 : closed.start()]


def _why_not(site: Site, text: str) -> Refusal | None:
    if not text.strip():
        return Refusal.EMPTY
    if _lines(text) == _lines(site.old):
        return Refusal.SAME
    if _OPENS.search(text) and not _OPENS.search(site.old):
        return Refusal.NO_BLOCK
    new = {line.strip() for line in _LEFT_OUT.findall(text)}
    if new - {line.strip() for line in _LEFT_OUT.findall(site.old)}:
        return Refusal.LEFT_OUT
    return None if keeps(site, text) else Refusal.BROKEN


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n")]


def in_unit_of(site: Site, text: str) -> str:
    """The text indented in the file's unit instead of another."""
    unit, own = unit_of(site.old) or site.unit, unit_of(text)
    if unit is None or own is None or own in {unit, site.unit}:
        return text
    width = _TAB_WIDTH if own == "\t" else len(own)
    return "\n".join(_in_unit(line, width, unit) for line in text.split("\n"))


def _in_unit(line: str, width: int, unit: str) -> str:
    indent = indentation(line)
    levels, rest = divmod(len(indent.expandtabs(width)), width)
    return unit * levels + " " * rest + line[len(indent) :]
