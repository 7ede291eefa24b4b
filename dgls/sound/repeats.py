"""Removes from an answer what follows the gap already, on its line or on the lines below."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dgls.sound.alike import alike
from dgls.sound.arguments import too_many_arguments
from dgls.sound.block import closes
from dgls.sound.site import Site
from dgls.sound.syntax import wrong
from dgls.sound.words import is_word, says_something
from dgls.text.indentation import indentation

_TOKEN = re.compile(r"\w+|[^\w\s]")
_PAIRED = frozenset("()[]{}'\"`")
_OPERATOR = re.compile(r"[-+&|<>=*:!?%^~/.@]+")
_ENDS_NAMES = frozenset("!?")
"""Characters that may end a name or belong to the value before them."""

_SURE_LINES = 2
"""This many repeated lines are no accident, however the answer continues."""
_SURE_TOKENS = 3
"""This many tokens at the end of an answer that begin the next line are none either."""
_MOST_SAID_TWICE = 3
"""At most this many lines are compared with those before them."""


def without_what_follows(site: Site, text: str) -> str:
    """The text without an end that already follows the gap."""
    if site.in_line:
        return _without_overlap(site, text)
    below = site.suffix[len(site.line_tail) :]
    return _without_closer(site, without_lines_of(text, site.line_head, below), below)


def without_lines_of(text: str, line_head: str, below: str) -> str:
    """The text without last lines that are the next lines of the document.

    If the document's next lines occur earlier in the text, it ends before them. Its last line may
    also be only the beginning of the next one.
    """
    lines = (line_head + text).split("\n")
    following = [_normalized(line) for line in below.split("\n") if line.strip()]
    if _begins_anew(text, following):
        return ""
    written = [index for index, line in enumerate(lines) if line.strip()]
    for number, first in enumerate(written):
        same = _common_lines([_normalized(lines[index]) for index in written[number:]], following)
        is_begun = 0 < number == len(written) - 1 and _begins(lines[first], following)
        if number + same == len(written) or _is_sure(following[:same]) or is_begun:
            return "\n".join(lines[:first])[len(line_head) :] if first else ""
    return text


def _begins(line: str, following: Sequence[str]) -> bool:
    """Whether a line with several words and signs is the beginning of the next one."""
    own, whole = _normalized(line), following[0] if following else ""
    count = sum(1 for _ in tokens(own))
    is_cut = whole.startswith(own) and not is_word(own[-1:] + whole[len(own) :][:1])
    return count >= _SURE_TOKENS and says_something(own) and is_cut


def _without_closer(site: Site, text: str, below: str) -> str:
    """The text without a last line that closes what the document's next line closes."""
    kept, _, last = text.rpartition("\n")
    kept = kept.rstrip()
    following = next((line for line in below.split("\n") if line.strip()), "")
    if last.strip() != following.strip() or not closes(last, site.language):
        return text
    least, found = wrong(site, kept), wrong(site, text)
    # The grammars of Ruby and of shells parse an extra `end` as a name, not as an error.
    if least > found or (least == found and _opens_more(site, kept)):
        return text
    return kept


def _opens_more(site: Site, text: str) -> bool:
    """Whether more blocks begin in a text than end in it."""
    lines = text.split("\n")
    return sum(map(site.opens_block, lines)) > sum(closes(line, site.language) for line in lines)


def _begins_anew(text: str, following: Sequence[str]) -> bool:
    """Whether a text equals the lines below, wherever on its line it begins."""
    first, *others = [_normalized(line) for line in text.split("\n") if line.strip()] or [""]
    if not following or first.lstrip() != following[0].lstrip():
        return False
    return _is_sure(following[: 1 + _common_lines(others, following[1:])])


def without_lines_said_twice(site: Site, text: str) -> str:
    """The text up to the first line, or the first few, that only repeat those before."""
    lines = (site.line_head + text).split("\n")
    for index in range(1, len(lines)):
        for count in range(1, _MOST_SAID_TWICE + 1):
            said, again = lines[max(0, index - count) : index], lines[index : index + count]
            if said == again and says_something(again[0]):
                return "\n".join(lines[:index])[len(site.line_head) :]
    return text


def _normalized(line: str) -> str:
    """A key that is equal for lines that differ only in the white space between words.

    Brackets in a comment are told apart by what is between its mark and them.
    """
    if not says_something(line):
        return line.rstrip().expandtabs(8)
    return indentation(line).expandtabs(8) + alike(line)


def _common_lines(lines: Sequence[str], others: Sequence[str]) -> int:
    """The number of leading lines that are the same."""
    count = 0
    for line, other in zip(lines, others, strict=False):
        if line != other:
            break
        count += 1
    return count


def _is_sure(lines: Sequence[str]) -> bool:
    return sum(map(says_something, lines)) >= _SURE_LINES


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a sign, and where it starts in its text."""

    text: str
    start: int


def _without_overlap(site: Site, text: str) -> str:
    """The text without an end that is the beginning of what follows on its line.

    Tokens are compared, so that the spaces between them do not matter and words are whole.
    """
    written, following = list(tokens(text)), list(tokens(site.line_tail))
    words = [token.text for token in following]
    for index, token in enumerate(written):
        repeated = [each.text for each in written[index:]]
        kept = text[: token.start]
        same = repeated == words[: len(repeated)]
        if same and _is_repeat(site, text, kept, repeated, following):
            return kept
        # An argument equal to the next one, with its comma: `f(a, |a)` filled with `a, `.
        *like, comma = repeated
        is_argument = comma == "," and like and like == words[: len(like)]
        if is_argument and too_many_arguments(site, text):
            return kept
    return text


def _is_repeat(
    site: Site, text: str, kept: str, repeated: list[str], following: list[Token]
) -> bool:
    """Whether an end that equals what follows is a repeat, not a second thing of its kind."""
    before = (site.prefix + kept)[-1:]
    last = following[len(repeated) - 1]
    after = site.line_tail[last.start + len(last.text) :][:1]
    is_glued = is_word(before + repeated[0][0]) or is_word(repeated[-1][-1] + after)
    is_all = len(repeated) == len(following) > 1
    if is_glued and not is_all:
        return False
    if any(each in _PAIRED for each in repeated) and not any(map(says_something, repeated)):
        if _is_whole("".join(repeated)):
            # `f()` before `()` already has its call.
            return wrong(site, kept.rstrip()) <= wrong(site, text)
        return _closes_better(site, text, kept)
    if "," in (repeated[0], repeated[-1]) and too_many_arguments(site, text) is False:
        return False
    least, found = wrong(site, kept.rstrip()), wrong(site, text)
    return least < found or (least == found and not _is_another(site, text, kept))


def _is_another(site: Site, text: str, kept: str) -> bool:
    """Whether an answer ends with its own operator, which only looks like the next one.

    Examples: `i++` before ` + 1`, and `list.empty?` before ` ? 1 : 2`.
    """
    if not site.line_tail[:1].isspace() or not kept or kept[-1].isspace():
        return False
    own, following = text[len(kept) :], _OPERATOR.match(site.line_tail.lstrip())
    if following is None or not _OPERATOR.fullmatch(own):
        return False
    whole = own
    while _OPERATOR.fullmatch(kept[-1:]):
        kept, whole = kept[:-1], kept[-1] + whole
    return whole in _ENDS_NAMES or not following.group().startswith(whole)


def _closes_better(site: Site, text: str, kept: str) -> bool:
    """Whether the answer's brackets and quotes are too many with those that follow it."""
    if site.language.has_grammar and not site.in_text:
        least, found = wrong(site, kept), wrong(site, text)
        if least != found:
            return least < found
        # The tree sees no brackets here: a macro's text, a fence, a script in a page.
    line = site.line_head + text + site.line_tail
    pairs = (line.count(opener) - line.count(closer) for opener, closer in ("()", "[]", "{}"))
    odd = any(line.count(quote) % 2 for quote in "'\"`")
    return odd or any(pair < 0 for pair in pairs)


def _is_whole(text: str) -> bool:
    """Whether a text consists of bracket pairs only."""
    while text and any(pair in text for pair in ("()", "[]", "{}")):
        text = text.replace("()", "").replace("[]", "").replace("{}", "")
    return not text


def tokens(text: str) -> Iterator[Token]:
    """The words and the other signs of a text, without white space."""
    for match in _TOKEN.finditer(text):
        yield Token(match.group(), match.start())
