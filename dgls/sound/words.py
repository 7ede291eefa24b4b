"""Words and lines of a text, as the rules of what is shown see them."""

from __future__ import annotations


def is_word_char(char: str) -> bool:
    """Whether a character belongs to words."""
    return char.isalnum() or char == "_"


def says_something(line: str) -> bool:
    """Whether a line has a word in it: lines of brackets alone may well repeat."""
    return any(map(is_word_char, line))


def is_word(pair: str) -> bool:
    """Whether two characters beside each other belong to one word."""
    return len(pair) == 2 and all(map(is_word_char, pair))


def word_at_end(text: str) -> str:
    """The word that the text ends with, empty where it ends with none."""
    start = len(text)
    while start and is_word_char(text[start - 1]):
        start -= 1
    return text[start:]


def word_at_start(text: str) -> str:
    """The word that the text begins with, empty where it begins with none."""
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
