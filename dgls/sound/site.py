"""A gap in its document, and the kind of fill that is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from tree_sitter import Node

from dgls.sound.texts import BLOCK_COMMENT, text_around
from dgls.sound.words import first_line, last_line
from dgls.syntax.brackets import Bracket, open_brackets
from dgls.syntax.guard import Damage, damage
from dgls.syntax.language import Language
from dgls.syntax.source import Source
from dgls.syntax.window import window
from dgls.text.indentation import indentation, own_unit, unit_of
from dgls.text.lines import with_line_ends
from dgls.text.spans import Edit, Span

_NEAR_CHARS = 8_000
_HEADER_LINES = 40


class Purpose(StrEnum):
    """Why a gap is filled."""

    AUTOMATIC = "automatic"
    """The user types and did not ask for a fill."""

    EXPLICIT = "explicit"
    """The user asked for a fill at the cursor."""

    HOLE = "hole"
    """Replace a placeholder, a TODO or an empty body."""

    REWRITE = "rewrite"
    """Replace a selection."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The kind of fill: at most `max_lines` lines, for a purpose.

    `least_score` is the score of the present text, which a rewrite must exceed. `unfinished` means
    that other gaps of the document are still open, so its syntax tells nothing.
    """

    purpose: Purpose = Purpose.EXPLICIT
    max_lines: int = 1
    least_score: float | None = None
    unfinished: bool = False


@dataclass(frozen=True)
class Site:
    """A gap in as much of its document as decides what fits there.

    A fill replaces `span` of `source` by `lead`, its text and `tail`. All lines end with \\n.
    """

    source: Source
    span: Span
    wanted: Wanted = field(default_factory=Wanted)
    lead: str = ""
    tail: str = ""

    @classmethod
    def of(cls, source: Source, span: Span, wanted: Wanted, lead: str = "", tail: str = "") -> Site:
        """The site of a gap in a document of any length and with any line ends."""
        # A rewrite is judged by what all the code below needs.
        whole = wanted.purpose is Purpose.REWRITE
        everything = Span(0, len(source.text))
        around = everything if whole else window(source.text, source.language, span)
        if len(around) == len(source.text) and "\r" not in source.text:
            return cls(source, span, wanted, _plain(lead), _plain(tail))
        preamble = source.language.preamble if around.start else ""
        before = preamble + _plain(source.text[around.start : span.start])
        old = _plain(span.of(source.text))
        text = before + old + _plain(source.text[span.end : around.end])
        here = Span(len(before), len(before) + len(old))
        return cls(Source.parse(text, source.language), here, wanted, _plain(lead), _plain(tail))

    @classmethod
    def between(cls, prefix: str, suffix: str, language: Language, wanted: Wanted) -> Site:
        """The site between two texts."""
        source = Source.parse(prefix + suffix, language)
        return cls.of(source, Span(len(prefix), len(prefix)), wanted)

    @property
    def language(self) -> Language:
        """The document's language."""
        return self.source.language

    @cached_property
    def prefix(self) -> str:
        """The text before the fill."""
        return self.source.text[: self.span.start] + self.lead

    @cached_property
    def suffix(self) -> str:
        """The text after the fill."""
        return self.tail + self.source.text[self.span.end :]

    @cached_property
    def line_head(self) -> str:
        """The text before the fill on its line."""
        return last_line(self.prefix)

    @cached_property
    def line_tail(self) -> str:
        """The text after the fill on its line."""
        return first_line(self.suffix)

    @cached_property
    def unit(self) -> str | None:
        """One level of indentation around the gap; None if no line shows it."""
        # A letter replaces the fill, so that its line's indentation counts too.
        before, after = self.prefix[-_NEAR_CHARS:], self.suffix[:_NEAR_CHARS]
        near = f"{before}x{after}"
        if (own := own_unit(before, after)) is not None and own != unit_of(near):
            return own
        if self.language.line_comment == "//":
            # A licence comment may have another indentation than the code.
            return unit_of(BLOCK_COMMENT.sub("", near)) or unit_of(near)
        return unit_of(near)

    @property
    def in_line(self) -> bool:
        """Whether text follows the fill on its line, so that the fill must stay on that line."""
        return bool(self.line_tail.strip())

    @cached_property
    def in_text(self) -> bool:
        """Whether the gap lies within one string or comment, where nothing is code."""
        around, end = self.text_before, self.span.end
        if around is None or end >= len(self.source.text):
            return False
        return around.end_byte > self.source.byte_offset(end)

    @cached_property
    def text_before(self) -> Node | None:
        """The innermost string or comment with the character before the gap."""
        if not self.language.has_grammar or not self.span.start:
            return None
        return text_around(self.source, self.span.start - 1)

    @property
    def old(self) -> str:
        """The present text of the gap."""
        return self.span.of(self.source.text)

    @cached_property
    def damage(self) -> Damage:
        """The parser's errors in the document as it is."""
        return damage(self.source) if self.language.has_grammar else Damage(0, 0)

    @cached_property
    def open_brackets(self) -> list[Bracket]:
        """The brackets that are open where the fill begins, outermost first."""
        if not self.language.has_grammar:
            return []
        return open_brackets(self.source, Span(0, self.span.start))

    def edit(self, text: str) -> Edit:
        """The edit of `source` that fills the gap with a text."""
        return Edit(self.span, self.lead + text + self.tail)

    def filled(self, text: str) -> Source:
        """The document with a text in the gap."""
        if text not in self._filled:
            if self.language.has_grammar:
                # The new tree is derived from this one, so parse this one first.
                _ = self.source.tree
            self._filled[text] = self.source.edited([self.edit(text)])
        return self._filled[text]

    @cached_property
    def _filled(self) -> dict[str, Source]:
        return {}

    def filled_span(self, text: str) -> Span:
        """The span of the text in `filled`."""
        return Span(len(self.prefix), len(self.prefix) + len(text))

    def opens_block(self, line: str) -> bool:
        """Whether a line is the header of a block; a comment never is."""
        if self.language.has_grammar and line.lstrip().startswith(self.language.line_comment):
            return False
        return self.language.block_opener.search(line.rstrip()) is not None

    def header_above(self) -> str | None:
        """The line that opens the block which the fill begins, if any.

        That is the gap's own line or, if only white space is before the gap, the line above. If
        that line closes brackets that open further up, it gets the indentation of their line.
        """
        lines = [line for line in self.prefix.split("\n") if line.strip()]
        if not lines or not self.opens_block(lines[-1]):
            return None
        unopened = 0
        for line in lines[: -_HEADER_LINES - 1 : -1]:
            unopened += sum(map(line.count, ")]")) - sum(map(line.count, "(["))
            if unopened <= 0:
                return indentation(line) + lines[-1].lstrip()
        return lines[-1]


def _plain(text: str) -> str:
    return with_line_ends(text, "\n")
