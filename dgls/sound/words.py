"""Words and lines of a text, as the rules of `sound` define them."""

from __future__ import annotations


def is_word_char(char: str) -> bool:
    """Whether a character belongs to words."""
    return char.isalnum() or char == "_"


def says_something(line: str) -> bool:
    """Whether a line has a word in it; lines of brackets alone may repeat."""
    return any(map(is_word_char, line))


def is_word(pair: str) -> bool:
    """Whether two adjacent characters belong to one word."""
    return len(pair) == 2 and all(map(is_word_char, pair))


def word_at_end(text: str) -> str:
    """The word at the end of a text; "" if it does not end with a word."""
    start = len(text)
    while start and is_word_char(text[start - 1]):
        start -= 1
    return text[start:]


def word_at_start(text: str) -> str:
    """The word at the start of a text; "" if it does not start with a word."""
    end = 0
    while end < len(text) and is_word_char(text[end]):
        end += 1
    return text[:end]


def first_line(text: str) -> str:
    """The text up to its first line end."""
    return text.partition("\n")[0]


def last_line(text: str) -> str:
    """The text after its last line end."""
    return text.rpartition("\n")[2]
