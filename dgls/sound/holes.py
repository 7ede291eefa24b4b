"""Rejects fills of a hole that are holes again: placeholders, TODOs, empty bodies."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tree_sitter import Node

from dgls.sound.alike import alike
from dgls.sound.site import Purpose, Site
from dgls.sound.texts import BLOCK_COMMENT
from dgls.sound.words import first_line
from dgls.syntax.holes import Hole, HoleKind, holes
from dgls.syntax.language import ScopeKind
from dgls.syntax.scopes import Scope, enclosing_scopes
from dgls.syntax.source import Source
from dgls.text.spans import Span

_PLACEHOLDERS = frozenset({HoleKind.PASS, HoleKind.ELLIPSIS, HoleKind.NOT_IMPLEMENTED})
_NOT_YET = re.compile(
    r"\b(?:raise|throw|panic!?|error|fail|abort|assert|die|exit|fatal)\b.*"
    r"(?:not[ _]*(?:yet[ _]*)?implemented|unimplemented|\btodo\b|implement me)|"
    r"\b(?:todo|unimplemented)!|^\s*TODO\(|NotImplemented(?:Error|Exception)\b",
    re.IGNORECASE,
)
_TODO = re.compile(r"\b(?:TODO|FIXME|XXX)\b|your code here|implement (?:me|this)", re.IGNORECASE)
_DOCUMENTATION = re.compile(r"\s*[a-zA-Z]{0,2}(\"{3}|'{3}).*?\1", re.DOTALL)
_DECLARED = re.compile(r"^\s*@(?:[\w.]+\.)?(?:overload|abstractmethod|abstractproperty)\b")
_INTERFACE = re.compile(r"\b(?:Protocol|ABC|ABCMeta)\b")
_NOTHING = re.compile(r"[\s;{}]*")
_NO_STATEMENTS = frozenset({"pass_statement", "comment"})
_ENDS = re.compile(r"[\s{]*return(?:\s+(?:\.\.\.|Ellipsis|NotImplemented))?[\s;{}]*")


def is_hole_again(site: Site, text: str) -> bool:
    """Whether the gap is a hole and the text leaves it one."""
    if site.wanted.purpose is Purpose.HOLE:
        nothing = _NOTHING.fullmatch(text) is not None
        return nothing or is_hole(site, text) or _promises(site, text) or _leaves_empty(site, text)
    if site.wanted.purpose is Purpose.REWRITE:
        if _promises(site, text):
            return is_hole(site, text) or not _promises(site, site.old)
        return is_hole(site, text) and not _is_comment(site, site.old)
    words = _is_words(site, text) and not _promises(site, text)
    if _in_empty_body(site):
        return is_hole(site, text) and not words
    return _is_idle(site, text) or _is_bare_mark(site, text)


def begins_its_function_anew(site: Site, text: str) -> bool:
    """Whether a text begins with the header of the function that contains it."""
    if not site.language.has_grammar or site.line_head.strip():
        return False
    scopes = enclosing_scopes(site.source, site.span.start)
    if not scopes or scopes[-1].kind is not ScopeKind.FUNCTION:
        return False
    header, begun = scopes[-1].header.of(site.source.text), text.lstrip()
    return alike(first_line(header).rstrip(" {:")) == alike(first_line(begun).rstrip(" {:"))


def is_hole(site: Site, text: str) -> bool:
    """Whether a text has only placeholders and comments."""
    if not site.language.has_grammar:
        return _is_hole_text(site, text)
    after, span = site.filled(text), site.filled_span(text)
    if _NOTHING.fullmatch(text):
        return "{" in text and not site.line_head.strip()
    left, done = "", span.start
    for hole in holes(after, span):
        inside = span.start <= hole.where.start and hole.where.end <= span.end
        if hole.kind in _PLACEHOLDERS and inside and hole.where.start >= done:
            left += after.text[done : hole.where.start]
            done = hole.where.end
    return _is_hole_text(site, left + after.text[done : span.end])


def _is_hole_text(site: Site, text: str) -> bool:
    """Whether a text has only comments and promises, judged by its lines."""
    mark = site.language.line_comment
    text = _DOCUMENTATION.sub("", text, count=1) if mark == "#" else text
    code = [
        line
        for line in BLOCK_COMMENT.sub("", text).split("\n")
        if not line.lstrip().startswith(mark) and not _NOT_YET.search(line)
    ]
    if site.language.id == "shellscript":
        code = [line for line in code if line.strip() not in {":", "true"}]
    left = "".join(code)
    return bool(_NOTHING.fullmatch(left) or _ENDS.fullmatch(left))


def _is_words(site: Site, text: str) -> bool:
    """Whether a text has only documentation and comments."""
    return _is_comment(site, _DOCUMENTATION.sub("", text, count=1))


def _is_comment(site: Site, text: str) -> bool:
    mark = site.language.line_comment
    return all(line.lstrip().startswith(mark) for line in text.split("\n") if line.strip())


def _promises(site: Site, text: str) -> bool:
    """Whether some line says that the work is still to be done."""
    mark = site.language.line_comment
    for line in text.split("\n"):
        _, found, comment = line.partition(mark)
        if _NOT_YET.search(line) or (found and _TODO.search(comment)):
            return True
    return False


def _leaves_empty(site: Site, text: str) -> bool:
    """Whether the body that the text fills still has no statement."""
    if not site.language.has_grammar:
        return False
    after, at = site.filled(text), site.filled_span(text).start
    return any(_is_empty_at(at, hole) for hole in holes(after, Span(at, at)))


def _is_empty_at(at: int, hole: Hole) -> bool:
    return hole.kind is HoleKind.EMPTY_BODY and hole.where.start < at <= hole.where.end


def _is_idle(site: Site, text: str) -> bool:
    """Whether a text is a `pass` in a block that has a statement already."""
    if text.strip() != "pass" or not site.language.has_grammar:
        return False
    after, span = site.filled(text), site.filled_span(text)
    start = span.end - len(text.lstrip())
    around = after.node_at(Span(start, start + len(text.strip())))
    while around.parent is not None and around.type not in {"block", "module"}:
        around = around.parent
    others = [each for each in around.named_children if each.type not in _NO_STATEMENTS]
    return not all(map(_is_documentation, others))


def _is_documentation(statement: Node) -> bool:
    first = statement.child(0)
    return statement.type == "expression_statement" and first is not None and first.type == "string"


def _is_bare_mark(site: Site, text: str) -> bool:
    """Whether a text is nothing but the mark of a comment without words."""
    mark = site.language.line_comment
    return not site.line_head.strip() and text.strip() in {mark, "*"}


def _in_empty_body(site: Site) -> bool:
    """Whether the gap is the place of a function's only statement."""
    if not site.language.has_grammar or site.in_line:
        return False
    source, at = site.source, site.span.start
    scopes = enclosing_scopes(source, at)
    if not scopes or scopes[-1].kind is not ScopeKind.FUNCTION:
        return False
    if _has_no_body(source, scopes):
        return False
    found = holes(source, Span(at, at))
    return any(
        hole.kind is HoleKind.EMPTY_BODY and hole.where.start == scopes[-1].span.start
        for hole in found
    )


def _has_no_body(source: Source, scopes: Sequence[Scope]) -> bool:
    """Whether the innermost function is only declared: an overload, or a method to override."""
    above = source.text[: scopes[-1].span.start].rstrip().rpartition("\n")[2]
    outer = scopes[-2].header.of(source.text) if len(scopes) > 1 else ""
    return _DECLARED.search(above) is not None or _INTERFACE.search(outer) is not None
