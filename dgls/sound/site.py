"""A gap in its document, and what is wanted for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

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
    """The user types and pressed no key for a fill."""

    EXPLICIT = "explicit"
    """The user pressed a key for a fill at the cursor."""

    HOLE = "hole"
    """A placeholder, a TODO or an empty body is to be replaced."""

    REWRITE = "rewrite"
    """A selection is to be replaced."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What may be filled in: at most `max_lines` lines, for a purpose.

    `least_score` is the score of the text that is there, which a rewrite must exceed. Where other
    gaps of the document are still open it is `unfinished`, and its syntax says nothing.
    """

    purpose: Purpose = Purpose.EXPLICIT
    max_lines: int = 1
    least_score: float | None = None
    unfinished: bool = False


@dataclass(frozen=True)
class Site:
    """A gap in as much of its document as says what fits there.

    A fill replaces `span` of `source` by `lead`, its text and `tail`. All lines end with \\n.
    """

    source: Source
    span: Span
    wanted: Wanted = field(default_factory=Wanted)
    lead: str = ""
    tail: str = ""

    @classmethod
    def of(cls, source: Source, span: Span, wanted: Wanted, lead: str = "", tail: str = "") -> Site:
        """The place of a gap in a document, which may be long and end its lines as it likes."""
        # A rewrite is judged by what the code below needs, however far below.
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
        """The place between two texts."""
        source = Source.parse(prefix + suffix, language)
        return cls.of(source, Span(len(prefix), len(prefix)), wanted)

    @property
    def language(self) -> Language:
        """The document's."""
        return self.source.language

    @cached_property
    def prefix(self) -> str:
        """What is before the fill."""
        return self.source.text[: self.span.start] + self.lead

    @cached_property
    def suffix(self) -> str:
        """What is after the fill."""
        return self.tail + self.source.text[self.span.end :]

    @cached_property
    def line_head(self) -> str:
        """What is before the fill on its line."""
        return last_line(self.prefix)

    @cached_property
    def line_tail(self) -> str:
        """What is after the fill on its line."""
        return first_line(self.suffix)

    @cached_property
    def unit(self) -> str | None:
        """One level of indentation around the gap; None where no line shows it."""
        # A letter takes the place of the fill, whose line is indented too.
        before, after = self.prefix[-_NEAR_CHARS:], self.suffix[:_NEAR_CHARS]
        near = f"{before}x{after}"
        if (own := own_unit(before, after)) is not None and own != unit_of(near):
            return own
        if self.language.line_comment == "//":
            # A license is indented as its own authors like it.
            return unit_of(BLOCK_COMMENT.sub("", near)) or unit_of(near)
        return unit_of(near)

    @property
    def in_line(self) -> bool:
        """Whether the line goes on after the fill, so that it must stay on it."""
        return bool(self.line_tail.strip())

    @cached_property
    def in_text(self) -> bool:
        """Whether the gap lies within one string or comment, where nothing is code."""
        start, end = self.span.start, self.span.end
        if not self.language.has_grammar or not 0 < start <= end < len(self.source.text):
            return False
        around = text_around(self.source, start - 1)
        return around is not None and around.end_byte > self.source.byte_offset(end)

    @property
    def old(self) -> str:
        """What the file has in the gap now."""
        return self.span.of(self.source.text)

    @cached_property
    def damage(self) -> Damage:
        """What is wrong with the document as it is."""
        return damage(self.source) if self.language.has_grammar else Damage(0, 0)

    @cached_property
    def open_brackets(self) -> list[Bracket]:
        """The brackets that are open where the fill begins, outermost first."""
        if not self.language.has_grammar:
            return []
        return open_brackets(self.source, Span(0, self.span.start))

    def edit(self, text: str) -> Edit:
        """The edit of `source` by which a text fills the gap."""
        return Edit(self.span, self.lead + text + self.tail)

    def filled(self, text: str) -> Source:
        """The document with a text in the gap."""
        if text not in self._filled:
            if self.language.has_grammar:
                # The tree after an edit is made from the one before it.
                _ = self.source.tree
            self._filled[text] = self.source.edited([self.edit(text)])
        return self._filled[text]

    @cached_property
    def _filled(self) -> dict[str, Source]:
        return {}

    def filled_span(self, text: str) -> Span:
        """Where in `filled` the text is."""
        return Span(len(self.prefix), len(self.prefix) + len(text))

    def opens_block(self, line: str) -> bool:
        """Whether a line is the header of a block, which no comment is."""
        if self.language.has_grammar and line.lstrip().startswith(self.language.line_comment):
            return False
        return self.language.block_opener.search(line.rstrip()) is not None

    def header_above(self) -> str | None:
        """The line that opens the block which the fill begins, if it does.

        That is the gap's own line, or, where only white space is before the gap on it, the line
        above. Where brackets end on it that begin further up, it is indented as they are.
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
