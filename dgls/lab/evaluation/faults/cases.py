"""Fault cases: a source with a marked gap, a model's answers, and what may be shown of them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from importlib.resources import files
from typing import Any

from dgls.errors import InputError
from dgls.sound.site import Purpose
from dgls.text.spans import Span

OPEN, CLOSE = "⟦", "⟧"


class FaultKind(StrEnum):
    """What may be wrong with an answer."""

    FOLLOWS = "follows"
    SYNTAX = "syntax"
    HOLE = "hole"
    REWRITE = "rewrite"
    DIALECT = "dialect"
    INDENT = "indent"
    BLOCK = "block"
    BRACKETS = "brackets"
    ALIKE = "alike"


@dataclass(frozen=True, slots=True)
class FaultCase:
    """One case.

    `source` has the gap between ⟦ and ⟧. `answers` are possible answers of a model, best first, and
    `left` is what may be shown of them, in this order; if it is empty, nothing may. `purpose` and
    `lines` are the request's; `score` and `least` are the scores of a rewrite and of the present
    text. `way` is the dialect of an HTTP client ("infill", "openai" or "mistral"), empty for an
    editor; `path`, `beside` and `stop` are what that client sends: its file, other files, and its
    stops. In a case with `copies` the answers come from the source itself: they must contain `left`
    and never `never`. `silent` names models that are too weak for a sound answer here, for which
    silence is right.
    """

    kind: FaultKind
    number: int
    language: str
    source: str
    answers: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    purpose: Purpose = Purpose.EXPLICIT
    lines: int = 1
    score: float | None = None
    least: float | None = None
    way: str = ""
    path: str = ""
    beside: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    copies: bool = False
    never: str = ""
    silent: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The case's name for a reader."""
        return f"{self.kind}/{self.number}/{self.language}"

    @property
    def text(self) -> str:
        """The source without its marks."""
        return self.source.replace(OPEN, "").replace(CLOSE, "")

    @property
    def gap(self) -> Span:
        """The span of the gap in `text`."""
        start = self.source.index(OPEN)
        return Span(start, self.source.index(CLOSE) - len(OPEN))

    @property
    def must_show(self) -> bool:
        """Whether silence is a fault here."""
        return bool(self.left)


def kinds_named(names: Sequence[str]) -> tuple[FaultKind, ...]:
    """The kinds of these names, or all kinds without a name. Raises `InputError`."""
    for name in names:
        if name not in set(FaultKind):
            known = ", ".join(FaultKind)
            raise InputError(
                f"No kind of fault is called {name!r}; nothing was tried. Use {known}."
            )
    return tuple(map(FaultKind, names)) or tuple(FaultKind)


def fault_cases(kinds: Sequence[FaultKind] = tuple(FaultKind)) -> tuple[FaultCase, ...]:
    """All cases of these kinds. Raises `InputError` for a file that cannot be read."""
    found: list[FaultCase] = []
    for kind in kinds:
        file = files(__package__).joinpath(f"{kind}.toml")
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8"))
            cases = table["case"]
            found += [_case(kind, number, values) for number, values in enumerate(cases, 1)]
        except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"The cases of {kind} cannot be read ({error}); nothing was measured."
            ) from error
    return tuple(found)


def _case(kind: FaultKind, number: int, values: dict[str, Any]) -> FaultCase:
    known = {each.name for each in fields(FaultCase)}
    if unknown := set(values) - known:
        raise ValueError(f"case {number} has a field {min(unknown)!r}")
    lists = {name: tuple(each) for name, each in values.items() if isinstance(each, list)}
    purpose = Purpose(values.get("purpose", Purpose.EXPLICIT))
    case = FaultCase(kind, number, **{**values, **lists, "purpose": purpose})
    if case.source.count(OPEN) != 1 or case.source.count(CLOSE) != 1:
        raise ValueError(f"case {number} does not have exactly one gap")
    return case
