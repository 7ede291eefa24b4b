"""Pairs of consecutive releases: their changed files, replayed hunk by hunk."""

from __future__ import annotations

import lzma
import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from pathlib import Path, PurePosixPath

from dgls.edits.hunk import Hunk, remembered
from dgls.edits.state import Offer, State
from dgls.errors import InputError
from dgls.lab.evaluation.edits.careful import every_match
from dgls.lab.evaluation.edits.lines import holds, of_the_file
from dgls.lab.evaluation.edits.sessions import System
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text.lines import split_lines
from dgls.text.spans import Edit, Span

MIN_HUNKS, MAX_HUNKS = 2, 12
"""The hunks of a file that is replayed."""

_LARGEST = 200_000
_MAX_OFFERS = 400


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file in two releases, and the differing lines: old start and end, new start and end.

    `others` are the package's other files when this one is edited: those before it in path order as
    in the new release, those after it as in the old one.
    """

    path: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    hunks: tuple[tuple[int, int, int, int], ...]
    others: Mapping[str, Source] = field(default_factory=dict)


@dataclass
class Tally:
    """The offers, by rule, and the changes found. Offers count once per file and order.

    `parts` are offers of another text, by rule, that were part of the change. Of the `states` in
    which no rule could write a line, `silent` had no offer, and `steps` had only offers that were
    part of the change.
    """

    offers: Counter[tuple[str, str]] = field(default_factory=Counter)
    parts: Counter[str] = field(default_factory=Counter)
    hunks: int = 0
    found: int = 0
    states: int = 0
    silent: int = 0
    steps: int = 0
    lines_deleted: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.offers + other.offers,
            self.parts + other.parts,
            self.hunks + other.hunks,
            self.found + other.found,
            self.states + other.states,
            self.silent + other.silent,
            self.steps + other.steps,
            self.lines_deleted + other.lines_deleted,
        )

    def share(self, kind: str, rule: str = "") -> float:
        """The share of a kind of offer ("exact", "text", "wrong"), for one rule or all."""
        of = [count for (name, _), count in self.offers.items() if rule in {"", name}]
        hit = [n for (name, k), n in self.offers.items() if k == kind and rule in {"", name}]
        return sum(hit) / max(1, sum(of))

    def part(self, rule: str = "") -> float:
        """The share of offers of another text that were part of the change."""
        of = [count for (name, _), count in self.offers.items() if rule in {"", name}]
        hit = [count for name, count in self.parts.items() if rule in {"", name}]
        return sum(hit) / max(1, sum(of))


def changed_files(archives: Sequence[Path]) -> Iterator[ChangedFile]:
    """The Python files with 2 to 12 hunks between archives, which are in release order."""
    before: dict[str, Source] = {}
    for archive in archives:
        after = _sources(archive)
        for path in sorted(before.keys() & after.keys()):
            if before[path].text == after[path].text:
                continue
            changed = _changed(path, before[path].text, after[path].text)
            if MIN_HUNKS <= len(changed.hunks) <= MAX_HUNKS:
                yield replace(changed, others=_others(path, before, after))
        before = after


def _others(
    path: str, before: Mapping[str, Source], after: Mapping[str, Source]
) -> Mapping[str, Source]:
    typed = {each: source for each, source in after.items() if each < path}
    return typed | {each: source for each, source in before.items() if each > path}


def replay(changed: ChangedFile, system: System, tally: Tally) -> None:
    """Apply the hunks one after the other, from the top and from the bottom, counting offers."""
    count = len(changed.hunks)
    for order in (range(count), range(count - 1, -1, -1)):
        _replay(changed, list(order), system, tally)


def _replay(changed: ChangedFile, order: list[int], system: System, tally: Tally) -> None:
    source = Source.parse("".join(changed.old), language_of(changed.path))
    hunks: tuple[Hunk, ...] = ()
    spans = {i: _span(changed, i) for i in range(len(changed.hunks))}
    count = _Count(changed, tally)
    for done, index in enumerate(order[:-1], 1):
        start, end, text = spans[index].start, spans[index].end, _new(changed, index)
        hunks = remembered(hunks, source.text, Edit(Span(start, end), text))
        source = source.edited([Edit(Span(start, end), text)])
        grown = len(text) - (end - start)
        spans = {
            i: Span(s.start + grown, s.end + grown) if s.start >= end and i > index else s
            for i, s in spans.items()
        }
        state = State(source, hunks, changed.others, changed.path)
        left = {i: spans[i] for i in order[done:]}
        count.add(state, of_the_file(state, system(state), left), left)
    tally.hunks += len(order) - 1
    tally.found += len(count.found)


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines that a rule's offers touch: the text `now`, and what all of them leave there."""

    rule: str
    span: Span
    now: str
    then: str


@dataclass(slots=True)
class _Count:
    """The offers of a file whose hunks are done in one order, and the hunks that they found."""

    changed: ChangedFile
    tally: Tally
    found: set[int] = field(default_factory=set)
    seen: set[tuple[str, str, str]] = field(default_factory=set)

    def add(self, state: State, offers: Sequence[Offer], left: dict[int, Span]) -> None:
        """Count what is offered in a state where the hunks `left` are still to be done."""
        changed, tally, is_step = self.changed, self.tally, bool(offers)
        for each in _by_line(state.text, offers):
            index = next((i for i, span in left.items() if holds(span, each.span)), None)
            kind = "wrong" if index is None else _kind(changed, index, each, left[index], state)
            part = index is not None and is_part(changed, index, each.now, each.then)
            is_step &= kind == "exact" or part
            key = (each.rule, each.now, each.then)
            if key not in self.seen:
                self.seen.add(key)
                tally.offers[each.rule, kind] += 1
                tally.parts[each.rule] += kind == "text" and part
                tally.lines_deleted += not each.then.strip() and each.rule != "import"
        self.found |= {
            i for i, span in left.items() if _done(state.text, span, offers) == _new(changed, i)
        }
        if not _writable(changed, state, left):
            tally.states += 1
            tally.silent += not offers
            tally.steps += is_step


def _by_line(text: str, offers: Sequence[Offer]) -> Iterator[_Lines]:
    groups: dict[Span, list[Offer]] = {}
    for offer in offers:
        start = text.rfind("\n", 0, offer.span.start) + 1
        end = text.find("\n", max(offer.span.start, offer.span.end - 1))
        lines = Span(start, len(text) if end < 0 else end + 1)
        if not offer.span and start == offer.span.start and offer.text.endswith("\n"):
            lines = offer.span
        groups.setdefault(lines, []).append(offer)
    for lines, own in groups.items():
        yield _Lines(own[0].rule, lines, lines.of(text), _done(text, lines, own))


def _done(text: str, lines: Span, offers: Sequence[Offer]) -> str:
    pieces, done = [], lines.start
    for offer in sorted(offers, key=lambda offer: offer.span):
        if done <= offer.span.start and offer.span.end <= lines.end:
            pieces += [text[done : offer.span.start], offer.text]
            done = offer.span.end
    return "".join([*pieces, text[done : lines.end]])


def _kind(changed: ChangedFile, index: int, offered: _Lines, held: Span, state: State) -> str:
    """Whether lines in a hunk, which is at `held` now, get the hunk's own text or another."""
    then, now = offered.then, offered.now
    i1, i2, j1, j2 = changed.hunks[index]
    new = changed.new[j1:j2]
    if i2 - i1 == j2 - j1 and offered.span and then.count("\n") == now.count("\n"):
        line = state.text.count("\n", held.start, offered.span.start)
        return "exact" if "".join(new[line:]).startswith(then) else "text"
    if not then:
        gone = now.splitlines(keepends=True)
        return "exact" if not any(each in new for each in gone if each.strip()) else "text"
    return "exact" if "\n" + then in "\n" + "".join(new) else "text"


def is_part(changed: ChangedFile, index: int, now: str, then: str) -> bool:
    """Whether a hunk removes and adds at least the words that an offer does."""
    i1, i2, _, _ = changed.hunks[index]
    old, new = _words("".join(changed.old[i1:i2])), _words(_new(changed, index))
    return _words(now) - _words(then) <= old - new and _words(then) - _words(now) <= new - old


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text))


def _writable(changed: ChangedFile, state: State, left: dict[int, Span]) -> bool:
    """Whether a rule that offers wherever it matches would change a line of the remaining hunks."""
    for offer in of_the_file(state, every_match(state)[:_MAX_OFFERS], left):
        for each in _by_line(state.text, [offer]):
            held = ((i, span) for i, span in left.items() if holds(span, each.span))
            if any(_kind(changed, i, each, span, state) == "exact" for i, span in held):
                return True
    return False


def _span(changed: ChangedFile, index: int) -> Span:
    i1, i2, _, _ = changed.hunks[index]
    start = sum(map(len, changed.old[:i1]))
    return Span(start, start + sum(map(len, changed.old[i1:i2])))


def _new(changed: ChangedFile, index: int) -> str:
    _, _, j1, j2 = changed.hunks[index]
    return "".join(changed.new[j1:j2])


def _changed(path: str, old: str, new: str) -> ChangedFile:
    one, other = (tuple(split_lines(each, keepends=True)) for each in (old, new))
    opcodes = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    hunks = tuple((i1, i2, j1, j2) for tag, i1, i2, j1, j2 in opcodes if tag != "equal")
    return ChangedFile(path, one, other, hunks)


def _sources(archive: Path) -> dict[str, Source]:
    """The Python files of a source archive by their path in it. Nothing is unpacked."""
    found = {}
    try:
        if not archive.is_file():
            # Opening a pipe would block.
            raise FileNotFoundError("it is not a regular file")
        with tarfile.open(archive) as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if member.isfile() and path.suffix == ".py" and member.size <= _LARGEST:
                    stream = tar.extractfile(member)
                    data = stream.read() if stream else b""
                    text = data.decode("utf-8", "replace")
                    if "\r" not in text and "\f" not in text:
                        own = "/".join(path.parts[1:])
                        found[own] = Source.parse(text, language_of(own))
    except (OSError, ValueError, EOFError, tarfile.TarError, zlib.error, lzma.LZMAError) as error:
        raise InputError(f"{archive} cannot be read ({error}); nothing was measured.") from error
    return found
