"""Chooses gaps in a source file: the places where a programmer's cursor would be.

Gaps are cut at character positions, at lines and at syntax nodes, because training must cover what
an editor will ask: a half-typed word, the rest of a line, a body, an argument list.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, fields

from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text.lines import Lines
from dgls.text.spans import Span

_MAX_CHARS = 400
_NODE_KINDS = frozenset(
    {"argument_list", "block", "parameters", "call", "binary_operator", "boolean_operator"}
    | {"comparison_operator", "list", "dictionary", "tuple", "subscript", "string"}
    | {"list_comprehension", "conditional_expression", "attribute", "lambda"}
)


@dataclass(frozen=True, slots=True)
class GapOdds:
    """How often each kind of gap is drawn, as shares of their sum."""

    line_end: float = 0.32
    whole_line: float = 0.3
    inside_line: float = 0.1
    lines: float = 0.08
    node: float = 0.14
    several: float = 0.06


def draw_gaps(text: str, rng: random.Random, odds: GapOdds | None = None) -> tuple[Span, ...]:
    """One to four ordered gaps in `text`, which must have a nonempty line."""
    chances = odds or GapOdds()
    names = [field.name for field in fields(chances)]
    name = rng.choices(names, [getattr(chances, name) for name in names])[0]
    return _KINDS[name](text, rng)


def _line_end(text: str, rng: random.Random) -> tuple[Span, ...]:
    """From somewhere in a line to its end: the most frequent request during typing."""
    line = _line(text, rng)
    start = rng.randint(_indented(text, line), line.end)
    return (Span(start, line.end),)


def _whole_line(text: str, rng: random.Random) -> tuple[Span, ...]:
    """A line, with or without its indentation and its line ending."""
    line = _line(text, rng)
    start = line.start if rng.random() < 0.5 else _indented(text, line)
    end = line.end
    if rng.random() < 0.4 and text[end : end + 1] == "\n":
        end += 1
    return (Span(start, end),)


def _inside_line(text: str, rng: random.Random) -> tuple[Span, ...]:
    """A few characters inside a line, sometimes none, so that the model also learns silence."""
    line = _line(text, rng)
    start = rng.randint(_indented(text, line), line.end)
    length = min(line.end - start, int(rng.expovariate(1 / 12)))
    return (Span(start, start + length),)


def _lines(text: str, rng: random.Random) -> tuple[Span, ...]:
    """Two to six lines, beginning after the first one's indentation."""
    line = _line(text, rng)
    end = line.end
    for _ in range(rng.randint(1, 5)):
        following = text.find("\n", end + 1)
        if following < 0 or following - line.start > _MAX_CHARS:
            break
        end = following
    return (Span(_indented(text, line), end),)


def _node(text: str, rng: random.Random) -> tuple[Span, ...]:
    """A syntax node, or the text between its brackets."""
    source = Source.parse(text, language_of("gap.py"))
    offset = rng.randrange(len(text))
    node = source.tree.root_node.descendant_for_byte_range(*(source.byte_offset(offset),) * 2)
    while node is not None and node.type not in _NODE_KINDS:
        node = node.parent
    if node is None:
        return _line_end(text, rng)
    span = Span(source.offset(node.start_byte), source.offset(node.end_byte))
    if text[span.start] in "([{" and len(span) >= 2:
        span = Span(span.start + 1, span.end - 1)
    return (span,) if len(span) <= _MAX_CHARS else _line_end(text, rng)


def _several(text: str, rng: random.Random) -> tuple[Span, ...]:
    """Two to four gaps on nearby lines."""
    first = _line(text, rng)
    near = Span(first.start, min(len(text), first.start + 300))
    found: list[Span] = []
    for _ in range(rng.randint(2, 4)):
        line = _line(text, rng, near)
        start = rng.randint(_indented(text, line), line.end)
        span = Span(start, min(line.end, start + 1 + int(rng.expovariate(1 / 15))))
        if all(span.end < other.start or other.end < span.start for other in found):
            found.append(span)
    return tuple(sorted(found))


_KINDS: dict[str, Callable[[str, random.Random], tuple[Span, ...]]] = {
    "line_end": _line_end,
    "whole_line": _whole_line,
    "inside_line": _inside_line,
    "lines": _lines,
    "node": _node,
    "several": _several,
}


def _line(text: str, rng: random.Random, within: Span | None = None) -> Span:
    """A line that is not blank, drawn by the place of a random character."""
    area = within or Span(0, len(text))
    for _ in range(20):
        offset = rng.randrange(area.start, max(area.start + 1, area.end))
        start = text.rfind("\n", 0, offset) + 1
        end = text.find("\n", offset)
        line = Span(start, len(text) if end < 0 else end)
        if line.of(text).strip():
            return line
    return next(span for span in map(Lines(text).span, range(10**9)) if span.of(text).strip())


def _indented(text: str, line: Span) -> int:
    """Where the line's text begins after its indentation."""
    return line.end - len(line.of(text).lstrip())
