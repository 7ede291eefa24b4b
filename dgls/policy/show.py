"""What of a fill is shown when nobody asked for one: silence is an answer.

Plain rules over text. They only take away from a fill: what is shown is put in at the cursor,
and what stands before and behind it stays as it is.
"""

from __future__ import annotations

_CLOSERS = {")": "(", "]": "[", "}": "{"}
_QUOTES = "\"'"
# Brackets are matched within this many characters around the cursor.
_BRACKET_CHARS = 2_000


def shown_text(
    fill_text: str,
    prefix: str,
    suffix: str,
    *,
    multiline: bool,
    confidence: float,
    threshold: float,
) -> str | None:
    """The part of a fill that is worth showing between `prefix` and `suffix`, None for silence.

    `confidence` and `threshold` are probabilities in 0..1. Without `multiline`, and wherever
    something stands behind the cursor on its line, one line at most is shown.
    """
    if confidence < threshold:
        return None
    line_head = _last_line(prefix)
    line_tail = _first_line(suffix)
    text = fill_text.replace("\r\n", "\n").replace("\r", "\n")
    if not multiline or line_tail.strip():
        text = _first_line(text)
    text = _without_repeated_lines(text)
    if line_tail.strip():
        text = _without_overlap(text, prefix, suffix, line_tail)
    else:
        text = _without_lines_of(text, line_head, suffix[len(line_tail) :])
    if not line_tail or line_tail[0].isspace():
        text = text.rstrip()
    if not text.strip() or _repeats_line_above(text, line_head, line_tail, prefix):
        return None
    return text


def remainder(shown: str, typed: str) -> str | None:
    """What is left of a shown text once its beginning was typed; None where it differs or ends."""
    if not shown.startswith(typed) or len(shown) == len(typed):
        return None
    return shown[len(typed) :]


def _without_overlap(text: str, prefix: str, suffix: str, line_tail: str) -> str:
    """The text without an end that repeats the beginning of what stands behind the cursor."""
    for length in range(min(len(text), len(line_tail.rstrip())), 0, -1):
        kept, repeated = text[:-length], text[-length:]
        if line_tail.startswith(repeated) and _is_repeat(kept, repeated, prefix, suffix):
            return kept
    return text


def _is_repeat(kept: str, repeated: str, prefix: str, suffix: str) -> bool:
    """Whether an end that equals what follows is the same thing twice and not two things alike."""
    if _says_something(repeated):
        before, after = (prefix + kept)[-1:], suffix[len(repeated) : len(repeated) + 1]
        return not (_is_word(before + repeated[0]) or _is_word(repeated[-1] + after))
    if not repeated.strip():
        return True
    before, after = prefix[-_BRACKET_CHARS:], suffix[:_BRACKET_CHARS]
    return _flaws(before, kept, after) < _flaws(before, kept + repeated, after)


def _flaws(before: str, text: str, after: str) -> int:
    """How many brackets close nothing, and whether quotes stay open on the cursor's line."""
    open_brackets: list[str] = []
    flaws = 0
    for char in before + text + after:
        if char in _CLOSERS.values():
            open_brackets.append(char)
        elif char in _CLOSERS:
            if open_brackets and open_brackets[-1] == _CLOSERS[char]:
                open_brackets.pop()
            else:
                flaws += 1
    line = _last_line(before) + text + _first_line(after)
    return flaws + sum(line.count(quote) % 2 for quote in _QUOTES)


def _without_lines_of(text: str, line_head: str, rest: str) -> str:
    """The text without last lines that are the next lines of the document."""
    lines = (line_head + text).split("\n")
    following = [line.rstrip() for line in rest.split("\n") if line.strip()]
    ends = [index for index, line in enumerate(lines) if line.strip()]
    for count in range(min(len(ends), len(following)), 0, -1):
        first = ends[-count]
        if [lines[index].rstrip() for index in ends[-count:]] == following[:count]:
            return "\n".join(lines[:first])[len(line_head) :] if first else ""
    return text


def _without_repeated_lines(text: str) -> str:
    """The text up to the first line that only says again what the line before it says."""
    lines = text.split("\n")
    for index in range(1, len(lines)):
        if _says_something(lines[index]) and lines[index] == lines[index - 1]:
            return "\n".join(lines[:index])
    return text


def _repeats_line_above(text: str, line_head: str, line_tail: str, prefix: str) -> bool:
    """Whether the cursor's line would say the same as the last line above it that has text."""
    above = [line for line in prefix.split("\n")[:-1] if line.strip()]
    first, *others = text.split("\n")
    line = line_head + first + ("" if others else line_tail)
    if not first.strip() and others:
        # The fill begins below the cursor's line, so that line is the one above.
        above, line = [line_head], next(each for each in others if each.strip())
    return bool(above) and _says_something(line) and line.rstrip() == above[-1].rstrip()


def _says_something(line: str) -> bool:
    """Whether a line has a word in it: lines of brackets alone may well repeat."""
    return any(map(_is_word_char, line))


def _is_word(pair: str) -> bool:
    """Whether two characters beside each other belong to one word."""
    return len(pair) == 2 and all(map(_is_word_char, pair))


def _is_word_char(char: str) -> bool:
    return char.isalnum() or char == "_"


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _last_line(text: str) -> str:
    return text.rpartition("\n")[2]
