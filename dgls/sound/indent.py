"""Indents an answer like its file: the same unit, and bodies below their headers.

An answer's lines after the first begin at the document's left margin. A model may use another unit,
or its own margin. The best reading is the one in which headers have deeper lines below them and
other lines do not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dgls.sound.block import closes
from dgls.sound.levels import lines_in_strings
from dgls.sound.site import Site
from dgls.text.indentation import USUAL_UNIT, WIDTHS, columns, indentation

_LABEL = re.compile(r"\s*(?:#|(?:case\b.*|\w+)\s*:(?!:))")
_TAG = re.compile(r"\s*<(?!/)[^<>]*(?<!/)>$")
"""An HTML or JSX element that ends on a later line."""
_TAG_GOES_ON = re.compile(r"\s*<\w[^<>]*$|\s*/?>$")
"""An element whose attributes are on the next lines, and the end of those."""
_GOES_ON = re.compile(r"[(\[{,\\=+\-*/|&?:.]$|\b(?:and|or)$")
_WITHOUT_BRACES = re.compile(
    r"\s*(?:}\s*)?(?:(?:else\s+)?if|for|foreach|while)\b.*\)$|\s*(?:}\s*)?(?:else|do)$"
)
_CASE = re.compile(r"\s*(?:case\b.*|default\s*|when\b.*)(?::|->|=>|\bthen)?$")
_CONTINUES = re.compile(r"\s*(?:[?:.]|&&|\|\|)")
_ITEM = re.compile(r"\s*- ")


def indented(site: Site, text: str) -> str:
    """The text indented like the file, with a body's first line below its header."""
    if site.in_text:
        return text
    text, unit = _without_second_space(site, text), site.unit
    kept = lines_in_strings(site, text)
    lines = ["" if number in kept else line for number, line in enumerate(text.split("\n"))]
    if len(lines) > 1 or not site.line_head:
        lines = _in_units(site, lines, unit)
    lines = _below_header(site, lines, unit or USUAL_UNIT)
    return "\n".join(kept.get(number, line) for number, line in enumerate(lines))


def _without_second_space(site: Site, text: str) -> str:
    """The text without leading spaces that the line has already.

    After a space on the line no second one is wanted. On an empty line, spaces must not make it
    deeper than a statement above, nor leave it between two levels.
    """
    space, head = indentation(text), site.line_head
    if not space or (head and not head[-1].isspace()) or text[len(space) :].startswith("\n"):
        return text
    if head.strip():
        return text[len(space) :]
    lead = _lead(site, space, text.lstrip())
    first, *others = text.split("\n")
    if not lead and all(line.startswith(head + space) for line in others if line.strip()):
        others = [line.replace(space, "", 1) for line in others]
    return "\n".join([lead + first[len(space) :], *others])


def _lead(site: Site, space: str, line: str) -> str:
    """The part of the `space` before a line that is kept after the gap's own indentation."""
    above = next((line for line in reversed(site.prefix.split("\n")[:-1]) if line.strip()), "")
    if _CONTINUES.match(line):
        return space
    opens = site.opens_block(above) or _TAG.match(above.rstrip()) or _CASE.match(above)
    items = _ITEM.match(above) and _ITEM.match(line)
    if not opens and not items and _may_go_on(site, above.rstrip()):
        return space
    most = indentation(above)
    if not opens and columns(site.line_head + space) > columns(most):
        return most[len(site.line_head) :] if most.startswith(site.line_head) else ""
    # Spaces in a file with tabs come from another file's unit.
    unit = USUAL_UNIT if site.unit in (None, "\t") else site.unit
    beyond = 0 if "\t" in space else columns(space) % columns(unit)
    return space[: len(space) - beyond]


@dataclass(frozen=True, slots=True)
class _Reading:
    """An assumed unit of the answer in columns, and the level of its margin in the document."""

    width: int
    margin: int

    def level(self, line: str) -> tuple[int, int]:
        """The level of a line in the document, and the extra columns."""
        wide = len(indentation(line).expandtabs(self.width))
        level, rest = divmod(wide, self.width)
        return level + self.margin, rest


def _in_units(site: Site, lines: Sequence[str], unit: str | None) -> list[str]:
    """The lines with their levels written in the file's unit."""
    if unit is None:
        return list(lines)
    width = 4 if unit == "\t" else len(unit)
    base = _level_of_gap(site, unit)
    own = [width, *(each for each in WIDTHS if each != width)]
    at = len(indentation(site.line_head).expandtabs(4))
    readings = [
        _Reading(each, margin)
        for each in own
        # The answer begins at the document's margin, at the gap's level, or at its column.
        for margin in dict.fromkeys((0, base, max(0, base - at // each)))
    ]
    best = min(readings, key=lambda reading: _misfits(site, lines, reading, base))
    indents = [indentation(line) for line in lines[1:] if line.strip()]
    mixed = any(("\t" in indent) != (unit == "\t") for indent in indents if indent)
    if not site.line_head and lines[0].strip() and indentation(lines[0]):
        mixed |= ("\t" in indentation(lines[0])) != (unit == "\t")
    if best == readings[0] and not mixed:
        return list(lines)
    first = lines[0] if site.line_head else _written(lines[0], best, unit)
    return [first, *(_written(line, best, unit) for line in lines[1:])]


def _level_of_gap(site: Site, unit: str) -> int:
    indent = indentation(site.line_head)
    return indent.count("\t") if unit == "\t" else len(indent.expandtabs(4)) // len(unit)


def _written(line: str, reading: _Reading, unit: str) -> str:
    if not line.strip():
        return line
    level, rest = reading.level(line)
    return unit * level + " " * rest + line[len(indentation(line)) :]


def _misfits(site: Site, lines: Sequence[str], reading: _Reading, base: int) -> int:
    """The number of lines whose level does not fit the line above."""
    found = 0
    above, level = site.line_head + lines[0], base
    if not site.line_head.strip() and not lines[0].strip():
        above, level = site.header_above() or "", base
    elif not site.line_head:
        level = reading.level(lines[0])[0]
    unclosed = 0
    for line in lines[1:]:
        unclosed += _opened(above)
        if not line.strip() or unclosed > 0 or line.lstrip().startswith("*"):
            # Space before the star of a block comment is not indentation.
            above = line
            continue
        deeper, rest = reading.level(line)
        if _closes(site, line):
            found += (deeper > level) + bool(rest)
        elif _CASE.match(line) or _CONTINUES.match(line):
            # A case is at the level of its `switch` or one deeper; both styles are common.
            found += not level <= deeper <= level + 1
        elif site.opens_block(above) or _TAG.match(above.rstrip()):
            found += 2 * (deeper != level + 1) + bool(rest)
        elif above.strip() and not _may_go_on(site, above.rstrip()):
            found += (deeper > level) + bool(rest)
        above, level = line, deeper
    return found


def _may_go_on(site: Site, line: str) -> bool:
    """Whether the next line may well be deeper."""
    if site.language.id == "yaml" and _ITEM.match(line):
        return True
    if site.language.line_comment == "//" and _WITHOUT_BRACES.match(line):
        return True
    return (_GOES_ON.search(line) or _TAG_GOES_ON.match(line)) is not None


def _opened(line: str) -> int:
    """How many brackets the line leaves open, without braces that begin or end a block."""
    line = line.strip().removesuffix("{").removeprefix("}")
    return sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))


def _below_header(site: Site, lines: list[str], unit: str) -> list[str]:
    """The lines, moved so that a body's first line is deeper than its header."""
    header = site.header_above()
    starts_here = bool(lines[0].strip())
    first = next((index for index, line in enumerate(lines) if line.strip()), None)
    if header is None or first is None or (starts_here and site.line_head.strip()):
        return lines
    if _is_flat(site, header, lines[first]):
        return lines
    outer = indentation(header)
    line = lines[first]
    lead = site.line_head if starts_here else ""
    if columns(lead + indentation(line)) > columns(outer) or _closes(site, line):
        return lines
    old = len(lead + indentation(line))
    wanted = outer + unit
    moved = [wanted[len(lead) :] + line.lstrip(" \t") if starts_here else wanted + line.lstrip()]
    for other in lines[first + 1 :]:
        indent = indentation(other)
        deep = len(indent) >= old and other.strip()
        moved.append(wanted + indent[old:] + other[len(indent) :] if deep else other)
    return [*lines[:first], *moved]


def _is_flat(site: Site, header: str, line: str) -> bool:
    """Whether a line is a label or a directive, or this file does not indent its body."""
    if header.rstrip().endswith("]") or (site.language.id == "yaml" and line.startswith("- ")):
        # A table in TOML, or a list in YAML.
        return True
    if not site.language.closers:
        return False
    if _LABEL.match(line):
        return True
    below = (each for each in site.suffix.split("\n")[1:] if each.strip())
    following = next(below, "")
    inside = bool(following) and not _closes(site, following)
    outer = columns(indentation(header))
    if site.opens_block(line) and site.lead == site.tail == "":
        # The next line may be the body of the line itself, one level deeper.
        outer += columns(site.unit or USUAL_UNIT)
    return inside and columns(indentation(following)) <= outer


def _closes(site: Site, line: str) -> bool:
    return line.lstrip().startswith("</") or closes(line, site.language)
