"""The Python imports that an edit needs; other open files show their form."""

from __future__ import annotations

import re
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dgls.edits.hunk import Hunk
from dgls.edits.import_order import (
    STANDARD_MODULES,
    Form,
    each_alone,
    means,
    parts_of,
    seen_from,
    target_of,
)
from dgls.edits.memo import once_a_source
from dgls.edits.python_imports import (
    BUILTINS,
    Import,
    defined,
    imports_of,
    occurrences,
    words,
)
from dgls.edits.rules.definer import from_definer
from dgls.edits.state import State
from dgls.edits.tree import above, node_of
from dgls.syntax.source import Source

_NAME = re.compile(r"[^\W\d]\w*")
_CHAIN = re.compile(r"\w+(?:\.\w+)*")
_Chains = frozenset[tuple[str, ...]]
_CLEAR = 4
"""How many times as frequent as the next the most frequent form must be."""


def needed(state: State, head: tuple[Import, ...]) -> dict[Form, Import | None]:
    """The forms of names that are used but not bound, each with the statement that it joins.

    None means a statement of its own. Names with several competing forms are left out.
    """
    imported = {name.bound for each in head for name in each.names}
    if "*" in imported:
        return {}
    gone = removed(state, state.hunks)
    used = {word for hunk in state.hunks if hunk.span for word in words(state.source, hunk.span)}
    found: dict[Form, Import | None] = {}
    for name in sorted((used | set(gone)) - imported - BUILTINS):
        form = _form(state, head, name, gone.get(name, frozenset()))
        if form is not None and _is_unbound(state, name, was_imported=name in gone):
            found[form] = list_of(state, form, head)
    return found


def _is_unbound(state: State, name: str, *, was_imported: bool) -> bool:
    """Whether a name is used and bound nowhere.

    If the name was never imported and unedited code uses it too, it comes from elsewhere.
    """
    places = [(span, role) for span, role in occurrences(state.source, name) if role != "mention"]
    if not places or any(role == "binding" for _, role in places):
        return False
    uses = [span for span, role in places if role == "use"]
    return bool(uses) and (was_imported or all(map(state.was_edited, uses)))


def removed(state: State, hunks: Iterable[Hunk]) -> dict[str, frozenset[str]]:
    """The names that edits removed from imports, with their modules."""
    found: dict[str, frozenset[str]] = {}
    for hunk in hunks:
        around = [
            each.module
            for each in imports_of(state.source)
            if each.span.start < hunk.span.start and hunk.span.end < each.span.end
        ]
        if around:
            kept = set(_NAME.findall(hunk.after(state.text)))
            for name in set(_NAME.findall(hunk.before)) - kept:
                found[name] = found.get(name, frozenset()) | set(around)
            continue
        for each in imports_of(Source.parse(hunk.before, state.source.language)):
            for name in each.names:
                found[name.bound] = found.get(name.bound, frozenset()) | {each.module}
    return found


def _form(
    state: State, head: tuple[Import, ...], name: str, removed: frozenset[str]
) -> Form | None:
    """How the other files import a name, if they agree; else an import from its definition.

    If at least half as many imports are for types only, this one must be too, else None.
    """
    chains = _chains(state, name)
    seen, typing = (Counter(_seen(state, name, chains, place)) for place in ("", "typing"))
    if 2 * typing.total() >= max(1, seen.total()):
        return _clear(typing) if _is_for_types(state, head, name) else None
    modules = {each.module for each in head if each.module and not each.place}
    if removed:
        sure = [form for form, files in seen.items() if files > 1 or form.module in modules]
        seen = Counter({form: seen[form] for form in sure if _is_new(state, form, removed)})
    if not seen:
        forms = {*_definitions(state, head, name)} or {*_standard(name, chains)}
        forms = forms or {*from_definer(state, head, name)}
        forms = {form for form in forms if _is_new(state, form, removed)}
        return forms.pop() if len(forms) == 1 else None
    known = [form for form in seen if form.module in modules]
    if len(known) == 1:
        return known[0]
    is_relative = any(module.startswith(".") for module in modules)
    alike = [form for form in seen if form.module.startswith(".") == is_relative]
    if not alike and is_relative:
        # The file would not import its own package by its name.
        alike = [form for form in seen if form.module.split(".")[0] not in parts_of(state.path)]
        return _clear(Counter({form: seen[form] for form in alike}))
    return _clear(Counter({form: seen[form] for form in alike or seen}))


def _clear(seen: Counter[Form]) -> Form | None:
    """The most frequent form, if it is clearly so."""
    ranked = seen.most_common(2)
    if len(ranked) == 1 or (ranked and ranked[0][1] >= _CLEAR * ranked[1][1]):
        return ranked[0][0]
    return None


def _is_for_types(state: State, head: tuple[Import, ...], name: str) -> bool:
    """Whether the file has type-only imports, and needs the name for types only."""
    places = {each.place for each in head}
    if "typing" not in places or all(each.module != "__future__" for each in head):
        return False
    uses = [span for span, role in occurrences(state.source, name) if role == "use"]
    return all(any(n.type == "type" for n in above(node_of(state.source, s))) for s in uses)


def _is_new(state: State, form: Form, removed: frozenset[str]) -> bool:
    """Whether a form is more than the removed import by another path."""
    old = {_last_part(each, state.path) for each in removed}
    if not form.module:
        return form.text not in old and "" not in old
    return _last_part(form.module, state.path) not in old


def _last_part(module: str, path: str) -> str:
    """The last part of a module's name, of a relative one that of what it means in a file."""
    parts = target_of(module, path) if module.startswith(".") else module.split(".")
    return parts[-1] if parts else ""


def _seen(state: State, name: str, chains: _Chains, place: str) -> Iterator[Form]:
    """The forms by which the other files import a name, once for each file."""
    for path, other in state.others.items():
        for form in _forms(other).get(place, {}).get(name, ()):
            here = seen_from(form, path, state.path)
            if here is None or means(here.module, state.path, state.path):
                continue
            if here.module or _covers(here.text, chains):
                yield here


def _covers(module: str, chains: _Chains) -> bool:
    """Whether `import module` brings what all uses name: `urllib.parse` not `urllib.error`."""
    parts = tuple(module.partition(" as ")[0].split("."))
    return " as " in module or all(chain[: len(parts)] == parts for chain in chains)


@once_a_source
def _forms(source: Source) -> Mapping[str, Mapping[str, tuple[Form, ...]]]:
    """How a file imports each name, by the `place` of the import."""
    found: dict[str, dict[str, tuple[Form, ...]]] = {}
    for each in imports_of(source):
        if each.module == "__future__":
            continue
        own = found.setdefault(each.place, {})
        for name in each.names:
            # `Path as Path` only tells type checkers that a module exports the name.
            is_exported = each.module and name.text == f"{name.bound} as {name.bound}"
            form = Form(each.module, name.bound if is_exported else name.text, each.place)
            own[name.bound] = (*own.get(name.bound, ()), form)
    return found


def _definitions(state: State, head: tuple[Import, ...], name: str) -> Iterator[Form]:
    """The name in an open module that the file already imports from."""
    modules = {each.module for each in head if each.module and not each.place}
    for path, other in state.others.items():
        if name in other.text and name in defined(other):
            yield from (Form(each, name) for each in modules if means(each, state.path, path))


def _standard(name: str, chains: _Chains) -> Iterator[Form]:
    """A module of the standard library whose attributes the edit uses, or its submodule."""
    if name in STANDARD_MODULES and all(len(chain) > 1 for chain in chains):
        yield from {Form("", ".".join(_submodule(chain))) for chain in chains}


def _chains(state: State, name: str) -> _Chains:
    """How the document uses a name: `urllib.parse.quote` is ("urllib", "parse", "quote")."""
    uses = [span for span, role in occurrences(state.source, name) if role == "use"]
    found = (_CHAIN.match(state.text, span.start) for span in uses)
    return frozenset(tuple(each[0].split(".")) for each in found if each)


def _submodule(chain: tuple[str, ...]) -> tuple[str, ...]:
    """The start of a chain that is a module: an attribute may be a module that needs its import."""
    count, folder = 1, Path(sysconfig.get_path("stdlib"), chain[0])
    while count < len(chain) and (
        (folder / f"{chain[count]}.py").is_file() or (folder / chain[count]).is_dir()
    ):
        folder /= chain[count]
        count += 1
    return chain[:count]


def list_of(state: State, form: Form, head: tuple[Import, ...]) -> Import | None:
    """The import that can take one more name; None if each name has its own line."""
    own = [each for each in head if each.place == form.place and each.module == form.module]
    if not form.module or len(own) != 1 or own[0].is_kept:
        return None
    alone = each_alone([head, *map(imports_of, state.others.values())])
    return None if alone else own[0]
