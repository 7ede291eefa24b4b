"""The import of a name from the only other open file that defines it."""

from __future__ import annotations

from collections.abc import Iterator

from dgls.edits.import_order import Form, parts_of, relative_to
from dgls.edits.python_imports import Import, defined, imports_of
from dgls.edits.state import State

_PACKAGE = "__init__.py"


def from_definer(state: State, head: tuple[Import, ...], name: str) -> Iterator[Form]:
    """The import from the only open file that defines the name, spelled as this file would.

    Empty if a package re-exports the name, or if the file shows no spelling.
    """
    found = list[str]()
    for path, other in state.others.items():
        if name not in other.text:
            continue
        if path.endswith(_PACKAGE) and _imports(imports_of(other), name):
            return
        if name in defined(other):
            found.append(path)
    if len(found) != 1:
        return
    *folder, file = parts_of(found[0])
    target = (*folder, file.removesuffix(".py")) if file != _PACKAGE else tuple(folder)
    module = _spelled(head, target, parts_of(state.path)[:-1])
    if module:
        yield Form(module, name)


def _imports(head: tuple[Import, ...], name: str) -> bool:
    return any(other.bound == name for each in head for other in each.names)


def _spelled(head: tuple[Import, ...], target: tuple[str, ...], folder: tuple[str, ...]) -> str:
    """The module name of a path, spelled like the file's other imports; "" if none is similar.

    A relative name goes up no further than those in the file.
    """
    shown = [each for each in head if not each.place and each.names]
    tops = {(each.module or each.names[0].text).split(".")[0] for each in shown}
    for top in sorted(tops - {""}):
        if top in target[:-1]:
            return ".".join(target[target.index(top) :])
    module = relative_to(target, folder)
    most = max((_dots(each.module) for each in shown), default=0)
    return module if _dots(module) <= most else ""


def _dots(module: str) -> int:
    """The number of leading dots of a module; 0 if it is not relative."""
    return len(module) - len(module.lstrip("."))
