"""`from __future__ import annotations`, which newer type forms need in older Pythons."""

from __future__ import annotations

import re

from dgls.edits.hunk import Hunk
from dgls.edits.import_order import Form
from dgls.edits.memo import once_a_source
from dgls.edits.python_imports import Import, imports_of
from dgls.edits.state import State
from dgls.edits.tree import above, node_of
from dgls.edits.type_forms import UNION, UNQUOTED, sites, written
from dgls.syntax.source import Source
from dgls.text.lines import split_lines
from dgls.text.spans import Span

_FEWEST = 2
"""The fewest other open files with such types and the import that make it usual."""

_NEWER = re.compile(r"(?m)(?:->|\w:)[^=\n#\"]*[\w\]] \| \w")
"""An annotation in the newer form."""


def future_annotations(state: State, head: tuple[Import, ...]) -> list[Form]:
    """The import, if the last edit wrote such a type and other files have the import."""
    if _has_future(head) or not any(_is_annotated(state, hunk) for hunk in state.last_hunks):
        return []
    return [Form("__future__", "annotations")] if needs_future(state, head) else []


def written_forms(state: State, hunk: Hunk) -> frozenset[str]:
    """The newer type forms that an edit wrote; removed quotes count in annotations only."""
    after = hunk.after(state.text)
    forms = written(hunk.before, after)
    if UNQUOTED in forms and not any(
        is_annotation(state, Span(at, at + len(site.text)))
        for line in split_lines(hunk.before)
        for site in sites(line, {UNQUOTED})
        if (at := hunk.span.start + after.find(site.text)) >= hunk.span.start
    ):
        forms -= {UNQUOTED}
    return forms


def is_annotation(state: State, span: Span) -> bool:
    """Whether a span of the document is in an annotation."""
    node = node_of(state.source, span)
    return any(each.type == "type" for each in (node, *above(node)))


def _is_annotated(state: State, hunk: Hunk) -> bool:
    """Whether an edit wrote an annotation in a newer form."""
    forms = written_forms(state, hunk)
    return UNQUOTED in forms or (UNION in forms and bool(_NEWER.search(hunk.after(state.text))))


def needs_future(state: State, head: tuple[Import, ...]) -> bool:
    """Whether the file has the import, or all others with newer types do and are at least two."""
    if _has_future(head):
        return True
    have = [_has_future(imports_of(each)) for each in state.others.values() if _is_newer(each)]
    return len(have) >= _FEWEST and all(have)


@once_a_source
def _is_newer(source: Source) -> bool:
    return bool(_NEWER.search(source.text))


def _has_future(head: tuple[Import, ...]) -> bool:
    return any(each.module == "__future__" for each in head)
