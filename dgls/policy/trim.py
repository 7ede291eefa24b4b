"""A fill cut down to what it adds where it stands.

Plain rules over text. What is left is put in at the cursor; what stands before and behind it
stays as it is.
"""

from __future__ import annotations

from dgls.policy.brackets import flaws, without_stray_closers
from dgls.policy.indent import indented_alike
from dgls.policy.words import first_line, is_word, last_line, says_something


def trimmed(fill_text: str, prefix: str, suffix: str, *, multiline: bool) -> str:
    """What of a fill is new between `prefix` and `suffix`; empty where nothing is.

    Without `multiline`, and wherever something stands behind the cursor on its line, it is one
    line at most. Lines have the indentation of the text before them.
    """
    line_head, line_tail = last_line(prefix), first_line(suffix)
    text = fill_text.replace("\r\n", "\n").replace("\r", "\n")
    text = indented_alike(text, prefix, from_line_start=not line_head)
    if not multiline or line_tail.strip():
        text = first_line(text)
    text = without_stray_closers(without_repeated_lines(text), prefix)
    if line_tail.strip():
        text = without_overlap(text, prefix, suffix, line_tail)
    else:
        text = without_lines_of(text, line_head, suffix[len(line_tail) :])
    if not line_tail or line_tail[0].isspace():
        text = text.rstrip()
    return text if text.strip() else ""


def without_overlap(text: str, prefix: str, suffix: str, line_tail: str) -> str:
    """The text without an end that repeats the beginning of what stands behind the cursor."""
    for length in range(min(len(text), len(line_tail.rstrip())), 0, -1):
        kept, repeated = text[:-length], text[-length:]
        if line_tail.startswith(repeated) and _is_repeat(kept, repeated, prefix, suffix):
            return kept
    return text


def without_lines_of(text: str, line_head: str, rest: str) -> str:
    """The text without last lines that are the next lines of the document."""
    lines = (line_head + text).split("\n")
    following = [line.rstrip() for line in rest.split("\n") if line.strip()]
    ends = [index for index, line in enumerate(lines) if line.strip()]
    for count in range(min(len(ends), len(following)), 0, -1):
        first = ends[-count]
        if [lines[index].rstrip() for index in ends[-count:]] == following[:count]:
            return "\n".join(lines[:first])[len(line_head) :] if first else ""
    return text


def without_repeated_lines(text: str) -> str:
    """The text up to the first line that only says again what the line before it says."""
    lines = text.split("\n")
    for index in range(1, len(lines)):
        if says_something(lines[index]) and lines[index] == lines[index - 1]:
            return "\n".join(lines[:index])
    return text


def _is_repeat(kept: str, repeated: str, prefix: str, suffix: str) -> bool:
    """Whether an end that equals what follows is the same thing twice and not two things alike."""
    if says_something(repeated):
        before, after = (prefix + kept)[-1:], suffix[len(repeated) : len(repeated) + 1]
        return not (is_word(before + repeated[0]) or is_word(repeated[-1] + after))
    if not repeated.strip():
        return True
    return flaws(prefix, kept, suffix) < flaws(prefix, kept + repeated, suffix)
