"""The text around a cursor for a model: cut to a budget, and stable while the user types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dgls.errors import PositionError
from dgls.syntax.head import kept_head
from dgls.syntax.source import Source
from dgls.text.lines import line_around, line_end_of, with_line_ends
from dgls.text.spans import Span, anchored_start

_BYTE_ORDER_MARK = "\ufeff"
# A fill uses the line ends found within this many characters of the gaps.
_NEAR = 4_000
# Every model has room for this much.
_PREFIX_CHARS, _SUFFIX_CHARS = 1_200, 480
# The beginning of a line that is not blank, and its indentation.
_LINE_BEGINS = re.compile(r"(?:\r\n?|\n)([ \t\f]*+)(?=[^\S\r\n]*+\S)")


@dataclass(frozen=True, slots=True)
class Budget:
    """The most characters of the prefix and of the suffix; None leaves them to the model.

    If the prefix does not fit, the share `head` of it is for imports and enclosing headers.
    `around` limits each side of the text from which copies are taken, and which a model with room
    for it may read. It yields at least four fifths of that, if the document has as much.
    """

    prefix_chars: int | None = None
    suffix_chars: int | None = None
    head: float = 0.25
    around: int = 20_000

    @property
    def before(self) -> int:
        """The most characters of the prefix in a request's parts."""
        return _PREFIX_CHARS if self.prefix_chars is None else self.prefix_chars

    @property
    def after(self) -> int:
        """The most characters of the suffix in a request's parts."""
        return _SUFFIX_CHARS if self.suffix_chars is None else self.suffix_chars


@dataclass(frozen=True, slots=True)
class Context:
    """The text around the gaps. Lines end with \\n, and there is no byte order mark.

    `parts` are those of a `FillRequest`: prefix, texts between gaps, suffix; `gaps` are the present
    texts of the gaps. `head` is the part of the prefix that was kept from above its window, `start`
    the window's offset in the document. `line_head` is before the first gap on its line,
    `line_tail` after the last gap on its line. `line_end` is the document's own line end there.
    `around` is the text before the first gap and the text after the last gap, as far as the budget
    goes.
    """

    parts: tuple[str, ...]
    gaps: tuple[str, ...]
    head: str
    start: int
    line_head: str
    line_tail: str
    line_end: str
    around: tuple[str, str] = ("", "")

    def for_document(self, fill: str) -> str:
        """The fill with the document's line ends."""
        return with_line_ends(fill, self.line_end)


def context_at(source: Source, gaps: Sequence[Span], budget: Budget | None = None) -> Context:
    """The context of one or more ordered, disjoint gaps.

    Typing at the first gap extends the prefix and changes nothing in it, apart from rare hops of
    its start. Raises `PositionError` if gaps overlap or leave the text, or if there are none.
    """
    text, budget = source.text, budget or Budget()
    _check(gaps, len(text))
    first, last = gaps[0], gaps[-1]
    start, head = _window(source, first.start, budget)
    ends = [*(gap.start for gap in gaps), _suffix_end(text, last.end, budget.after)]
    starts = [start, *(gap.end for gap in gaps)]
    texts = [_plain(text, Span(*bounds)) for bounds in zip(starts, ends, strict=True)]
    return Context(
        parts=(head + texts[0], *texts[1:]),
        gaps=tuple(_plain(text, gap) for gap in gaps),
        head=head,
        start=start,
        line_head=_plain(text, Span(line_around(text, first.start).start, first.start)),
        line_tail=_plain(text, Span(last.end, line_around(text, last.end).end)),
        line_end=line_end_of(text[max(0, first.start - _NEAR) : last.end + _NEAR]),
        around=(
            _plain(text, Span(_around_start(text, first.start, budget.around), first.start)),
            _plain(text, Span(last.end, _suffix_end(text, last.end, budget.around))),
        ),
    )


def _check(gaps: Sequence[Span], length: int) -> None:
    if not gaps:
        raise PositionError("There is no gap to fill; nothing was changed.")
    done = 0
    for gap in gaps:
        if gap.start < done or gap.end > length:
            raise PositionError("Gaps overlap or leave the text; nothing was changed.")
        done = gap.end


def _window(source: Source, cursor: int, budget: Budget) -> tuple[int, str]:
    """The start of the prefix's window, and what is kept of the text above it.

    Both depend only on the text up to a place well before the cursor, which typing does not change.
    """
    if cursor <= budget.before:
        return 0, ""
    head_chars = int(budget.before * budget.head)
    window_chars = budget.before - head_chars
    cut = anchored_start(cursor, window_chars)
    steady = source.text[: cut + window_chars // 4]
    start = _tidy_start(steady, cut)
    return start, kept_head(steady, start, head_chars, source.language)


def _around_start(text: str, cursor: int, chars: int) -> int:
    """The start of the text around a cursor: a line start that typing rarely moves."""
    hop = chars // 10
    cut = anchored_start(cursor, chars, hop)
    return _tidy_start(text[: cut + hop], cut) if cut else 0


def _tidy_start(text: str, cut: int) -> int:
    """The least indented line that begins after `cut`; `cut` itself where no line begins."""
    start, least = cut, None
    for line in _LINE_BEGINS.finditer(text, max(0, cut - 1)):
        if least is None or len(line[1]) < least:
            start, least = line.start(1), len(line[1])
        if least == 0:
            break
    return start


def _suffix_end(text: str, start: int, chars: int) -> int:
    """The last line end within `chars` of `start`; `start + chars` if no line ends there."""
    limit = start + chars
    if limit >= len(text):
        return len(text)
    end = max(text.rfind("\n", start, limit), text.rfind("\r", start, limit)) + 1
    return end if end > start else limit


def _plain(text: str, span: Span) -> str:
    """A part of the text as models read it: no byte order mark, lines end in \\n."""
    part = span.of(text)
    return with_line_ends(part.removeprefix(_BYTE_ORDER_MARK) if span.start == 0 else part, "\n")
