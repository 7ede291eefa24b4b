"""The edits of `fixtures/instructions`: a selection in a file, an instruction, and a test."""

from __future__ import annotations

import ast
import hashlib
import sysconfig
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgls.errors import InputError
from dgls.files import read_small
from dgls.text.lines import Lines
from dgls.text.spans import Span

_BEFORE_ALL = "from __future__ import annotations"


@dataclass(frozen=True, slots=True)
class InstructionCase:
    """One edit. `text` is the whole file; `test` is Python to run after the edited code, if any.

    `setup` runs before both.
    """

    name: str
    path: str
    text: str
    span: Span
    instruction: str
    setup: str = ""
    test: str = ""

    def program(self, edited: str) -> str:
        """The test of the edited code, as a program."""
        code = edited.replace("\r\n", "\n")
        return "\n".join([_BEFORE_ALL, self.setup, code, f"SOURCE = {code!r}", self.test])


def read_cases(folder: Path) -> tuple[tuple[InstructionCase, ...], tuple[str, ...]]:
    """The cases of a folder, one file per language, and the names of those without code here.

    Missing code may belong to another release of the package.
    """
    found: list[InstructionCase] = []
    missing: list[str] = []
    for file in sorted(folder.glob("*.toml")):
        try:
            for fields in tomllib.loads(read_small(file).decode("utf-8"))["case"]:
                case = _own(fields) if "code" in fields else _of_package(fields)
                if case is None:
                    missing.append(fields["function"])
                else:
                    found.append(case)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(
                f"{file} holds no edits by instruction ({error!r}); nothing was measured."
            ) from error
    return tuple(found), tuple(missing)


def _own(fields: dict[str, Any]) -> InstructionCase:
    """A case with its own code, the selection between `⟦` and `⟧`."""
    before, _, rest = fields["code"].lstrip("\n").partition("⟦")
    selected, _, after = rest.partition("⟧")
    span = Span(len(before), len(before) + len(selected))
    path = fields["path"]
    return InstructionCase(path, path, before + selected + after, span, fields["instruction"])


def _of_package(fields: dict[str, Any]) -> InstructionCase | None:
    """A case about a function of an installed package; None if that function differs."""
    text = _installed(fields["file"])
    if text is None:
        return None
    for span in _functions(text, fields["function"]):
        digest = hashlib.sha256(span.of(text).encode()).hexdigest()
        if digest.startswith(fields["sha256"]):
            setup = "\n".join([fields.get("setup", ""), fields.get("before", "")])
            name, instruction = fields["function"], fields["instruction"]
            return InstructionCase(
                name, fields["file"], text, span, instruction, setup, fields["test"]
            )
    return None


def _installed(name: str) -> str | None:
    places = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    files = [Path(place) / name for place in places]
    file = next((each for each in files if each.is_file()), None)
    return None if file is None else file.read_text(encoding="utf-8")


def _functions(text: str, name: str) -> Iterator[Span]:
    """The lines of each function with that name."""
    lines = Lines(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            last = node.end_lineno or node.lineno
            yield Span(lines.span(node.lineno - 1).start, lines.span(last - 1).end)
