"""The sessions of `fixtures/edits`: read, replayed and judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dgls.edits.hunk import Hunk, remembered
from dgls.edits.state import Offer, State
from dgls.errors import InputError
from dgls.files import read_small
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span

System = Callable[[State], Sequence[Offer]]

_MARK = re.compile(r"⟦([-+\d])¦([^⟧¦]*)(?:¦([^⟧]*))?⟧")


@dataclass(frozen=True, slots=True)
class Mark:
    """A marked place of a file: `kind` is "+", "-" or the number of the user's edit."""

    kind: str
    span: Span
    new: str


@dataclass(frozen=True, slots=True)
class File:
    """A file before the session."""

    path: str
    text: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class EditSession:
    """Edits of the user in some files, and what must and must not be offered afterwards."""

    name: str
    language: str
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result: `offered` of `due` places, and offers where silence is right."""

    session: EditSession
    due: int
    offered: int
    silences: int
    wrong: tuple[str, ...]


def read_sessions(folder: Path) -> tuple[EditSession, ...]:
    """All sessions of a folder, one file per language.

    Raises `InputError` if there are none, or for a file that cannot be read.
    """
    found = tuple(each for file in sorted(folder.glob("*.txt")) for each in _sessions_in(file))
    if not found:
        raise InputError(f"There are no sessions in {folder}; nothing was measured.")
    return found


def _sessions_in(file: Path) -> Iterator[EditSession]:
    try:
        text = read_small(file).decode("utf-8")
        for part in re.split(r"(?m)^=== ", text)[1:]:
            yield _session(file.stem, part)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file} holds no sessions of edits ({error}); nothing was measured."
        ) from error


def judged(session: EditSession, system: System) -> Verdict:
    """Replay a session and compare the offers after its last edit with those that are due."""
    state, marks = _played(session)
    offers = system(state)
    wrong: list[str] = []
    right: set[tuple[str, Span]] = set()
    texts = {"": state.text, **{path: source.text for path, source in state.others.items()}}
    for path, text in texts.items():
        due = [mark for mark in marks[path] if mark.kind == "+"]
        for lines, now, then in _by_line(text, [each for each in offers if each.path == path]):
            here = [m for m in due if lines.start <= m.span.start and m.span.end <= lines.end]
            if here and then == _applied(text, lines, [Edit(m.span, m.new) for m in here]):
                right |= {(path, mark.span) for mark in here}
            else:
                wrong.append(f"{now.strip()} -> {then.strip()}")
    kinds = [mark.kind for each in marks.values() for mark in each]
    return Verdict(session, kinds.count("+"), len(right), kinds.count("-"), tuple(wrong))


def _by_line(text: str, offers: Sequence[Offer]) -> Iterator[tuple[Span, str, str]]:
    """The lines that offers touch, before and after all offers."""
    found: dict[Span, list[Edit]] = {}
    for offer in offers:
        inside = max(offer.span.start, offer.span.end - 1)
        end = text.find("\n", inside)
        lines = Span(text.rfind("\n", 0, offer.span.start) + 1, len(text) if end < 0 else end + 1)
        found.setdefault(lines, []).append(Edit(offer.span, offer.text))
    for lines, edits in found.items():
        yield lines, lines.of(text), _applied(text, lines, edits)


def _applied(text: str, lines: Span, edits: Sequence[Edit]) -> str:
    pieces, done = [], lines.start
    for edit in sorted(edits, key=lambda edit: edit.span):
        if edit.span.start < done:
            continue
        pieces += [text[done : edit.span.start], edit.text]
        done = edit.span.end
    return "".join([*pieces, text[done : lines.end]])


def _session(language: str, part: str) -> EditSession:
    name, _, body = part.partition("\n")
    files = [each.partition("\n") for each in re.split(r"(?m)^--- ", body)[1:]]
    if not files:
        raise ValueError(f"the session {name[:80]!r} has no file")
    return EditSession(name, language, tuple(_file(path, text) for path, _, text in files))


def _file(path: str, marked: str) -> File:
    pieces, marks, done, length = [], [], 0, 0
    for found in _MARK.finditer(marked):
        plain = marked[done : found.start()]
        at = length + len(plain)
        pieces += [plain, found[2]]
        marks.append(Mark(found[1], Span(at, at + len(found[2])), found[3] or ""))
        done, length = found.end(), at + len(found[2])
    return File(path, "".join([*pieces, marked[done:]]), tuple(marks))


def _played(session: EditSession) -> tuple[State, dict[str, list[Mark]]]:
    """The state after the user's edits, all in the first file, and the marks' new places."""
    first, *others = session.files
    source = Source.parse(first.text, language_of(first.path))
    hunks: tuple[Hunk, ...] = ()
    marks = list(first.marks)
    for number in sorted({mark.kind for mark in marks} - {"+", "-"}):
        mark = next(each for each in marks if each.kind == number)
        edit = Edit(mark.span, mark.new)
        hunks, source = remembered(hunks, source.text, edit), source.edited([edit])
        grown = len(mark.new) - len(mark.span)
        marks = [_moved(each, mark, grown) for each in marks if each is not mark]
    rest = {each.path: Source.parse(each.text, language_of(each.path)) for each in others}
    places = {"": marks, **{each.path: list(each.marks) for each in others}}
    return State(source, hunks, rest, first.path), places


def _moved(mark: Mark, done: Mark, grown: int) -> Mark:
    if mark.span.start < done.span.end:
        return mark
    return Mark(mark.kind, Span(mark.span.start + grown, mark.span.end + grown), mark.new)
