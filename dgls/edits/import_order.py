"""Where a Python import goes: into its module's list or on its own line, in the file's order."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath
from urllib.parse import unquote

from dgls.edits.python_imports import Import

FUTURE, STANDARD, OTHER, OWN, RELATIVE = range(5)
STANDARD_MODULES = frozenset(sys.stdlib_module_names)
"""The top-level modules of the standard library."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a name is imported: `from module import text`, or `import text` without a module.

    `place` is the import's: "" at the top of the file, "typing" in an `if TYPE_CHECKING:`.
    """

    module: str
    text: str
    place: str = ""

    @property
    def bound(self) -> str:
        """The name that it binds in the file."""
        name = self.text.rpartition(" as ")[2]
        return name if self.module else name.split(".")[0]

    @property
    def statement(self) -> str:
        """The statement, without its line end."""
        return f"from {self.module} import {self.text}" if self.module else f"import {self.text}"


def parts_of(path: str) -> tuple[str, ...]:
    """The folders and the name in a path or in a file's URI."""
    plain = unquote(path.removeprefix("file://")) if path.startswith("file:") else path
    return PurePosixPath(plain.replace("\\", "/")).parts


def target_of(module: str, path: str) -> tuple[str, ...]:
    """The path, without suffix, of a module that a file imports relatively."""
    name = module.lstrip(".")
    dots = len(module) - len(name)
    folder = parts_of(path)[:-1]
    return (*folder[: len(folder) - (dots - 1)], *(name.split(".") if name else ()))


def seen_from(form: Form, path: str, here: str) -> Form | None:
    """Another file's form as this file would write it; None if it cannot."""
    if not form.module.startswith("."):
        return form
    dots = len(form.module) - len(form.module.lstrip("."))
    folder, own = parts_of(path)[:-1], parts_of(here)[:-1]
    package = folder[: len(folder) - (dots - 1)]
    if own[: len(package)] != package:
        return None
    return replace(form, module=relative_to(target_of(form.module, path), own))


def relative_to(target: tuple[str, ...], folder: tuple[str, ...]) -> str:
    """The relative module by which files of a folder import a path."""
    common = 0
    while common < min(len(folder), len(target)) and folder[common] == target[common]:
        common += 1
    return "." * (len(folder) - common + 1) + ".".join(target[common:])


def means(module: str, here: str, path: str) -> bool:
    """Whether a module imported by one file is another file, as far as paths tell."""
    file = parts_of(path)
    last = file[-1].removesuffix(".py") if file else ""
    wanted = file[:-1] if last == "__init__" else (*file[:-1], last)
    if module.startswith("."):
        return target_of(module, here) == wanted
    parts = tuple(module.split("."))
    if len(parts) == 1:
        is_near = wanted[:-1] == parts_of(here)[:-1]
        return is_near and module not in STANDARD_MODULES and wanted[-1:] == parts
    return wanted[-len(parts) :] == parts


def section(form: Form | Import, own: frozenset[str]) -> int:
    """The section of the imports that a form belongs to; `own` are the project's packages."""
    module = _module(form)
    if module.startswith("."):
        return RELATIVE
    top = module.split(".")[0]
    if top == "__future__":
        return FUTURE
    return STANDARD if top in STANDARD_MODULES else OWN if top in own else OTHER


Key = Callable[[Form | Import], tuple[object, ...]]


def kinds_first(form: Form | Import) -> tuple[object, ...]:
    """Sort key: `import a` before `from a import b`, each by module name."""
    return (is_from(form), *_name_key(form))


def modules_only(form: Form | Import) -> tuple[object, ...]:
    """Sort key: by module name only."""
    *module, first = _name_key(form)
    return (*module, is_from(form), first)


def order_of(heads: Iterable[Sequence[Import]]) -> Key:
    """The sort key of imports, as in the first file that shows one; by default by module."""
    for head in heads:
        kinds = modules = 0
        for group in groups(head):
            if {is_from(each) for each in group} == {True, False}:
                kinds += is_sorted(group, kinds_first)
                modules += is_sorted(group, modules_only)
        if kinds != modules:
            return kinds_first if kinds > modules else modules_only
    return modules_only


def each_alone(heads: Iterable[Sequence[Import]]) -> bool:
    """Whether each imported name has its own line, as in the first file that shows it."""
    for head in heads:
        modules = [each.module for each in head if each.module and not each.place]
        if any(len(each.names) > 1 for each in head if each.module):
            return False
        if len(modules) > len(set(modules)):
            return True
    return False


def parts_kinds(heads: Iterable[Sequence[Import]], own: frozenset[str]) -> bool:
    """Whether most files that show it separate the two kinds of import by a blank line."""
    parted = mixed = 0
    for head in heads:
        found = list(groups(head))
        mixed += any(len(set(map(is_from, group))) == 2 for group in found)
        parted += any(
            section(one[-1], own) == section(other[0], own)
            and not any(map(is_from, one))
            and all(map(is_from, other))
            for one, other in pairwise(found)
        )
    return parted > mixed


def groups(head: Sequence[Import], place: str = "") -> Iterator[list[Import]]:
    """The imports in one place of a file, grouped where no line separates them."""
    group: list[Import] = []
    for each in head:
        if each.place != place:
            continue
        if group and group[-1].span.end != each.span.start:
            yield group
            group = []
        group.append(each)
    if group:
        yield group


def is_sorted(group: Sequence[Import], key: Key) -> bool:
    """Whether imports are sorted by a key."""
    return all(key(one) <= key(other) for one, other in pairwise(group))


def before(form: Form, other: Import, key: Key) -> bool:
    """Whether an import sorts before another."""
    return key(form) < key(other)


def by_type(name: str) -> tuple[int, str]:
    """Sort key: the usual order of names in a list: constants, classes, others."""
    plain = name.split(" ")[0]
    kind = 0 if len(plain) > 1 and plain.isupper() else 1 if plain[:1].isupper() else 2
    return kind, _natural(plain.lower())


def by_letter(name: str) -> tuple[int, str]:
    """Sort key: alphabetical, ignoring case."""
    return 0, _natural(name.lower())


def by_code(name: str) -> tuple[int, str]:
    """Sort key: by code points."""
    return 0, name


def _natural(text: str) -> str:
    """The text with numbers padded, so that they sort by value."""
    return re.sub(r"\d+", lambda found: found[0].zfill(9), text)


def list_order(names: Sequence[str]) -> Callable[[str], tuple[int, str]] | None:
    """The sort key of a list of names; None if it has no order."""
    for key in (by_type, by_letter, by_code):
        if all(key(one) <= key(other) for one, other in pairwise(names)):
            return key
    return None


def is_from(form: Form | Import) -> bool:
    """Whether it is `from a import b`."""
    return bool(form.module)


def _first(form: Form | Import) -> str:
    if isinstance(form, Form):
        return form.text.lower()
    return form.names[0].text.lower() if form.names else ""


def _module(form: Form | Import) -> str:
    return form.module or _first(form).split(" ")[0]


def _name_key(form: Form | Import) -> tuple[object, ...]:
    """Of relative modules, the most distant come first."""
    module = _module(form)
    name = module.lstrip(".")
    dots = len(module) - len(name)
    return dots > 0, -dots, _natural(name.lower()), _first(form)
