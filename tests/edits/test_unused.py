"""Unused imports in languages other than Python, and those that code needs without a mention."""

from __future__ import annotations

import pytest

from dgls.edits.hunk import remembered
from dgls.edits.ripple import ripple
from dgls.edits.state import State
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span


def removed(language: str, text: str, old: str, new: str) -> list[str]:
    """What is offered for the imports after an edit, as old and new text."""
    at = text.index(old)
    edit = Edit(Span(at, at + len(old)), new)
    source = Source.parse(text, language_named(language))
    now, hunks = source.edited([edit]), remembered((), text, edit)
    found = ripple(State(now, hunks))
    return [f"{o.span.of(now.text)!r} -> {o.text!r}" for o in found if o.rule == "import"]


WRITE = "use std::io::Write;\n\nfn f(w: &mut {}) {{\n    w.write_all(b);\n}}\n"
JSX = "import React from 'react';\n\nconst A = () => {};\n"


@pytest.mark.parametrize(
    ("what", "language", "text", "old", "found"),
    [
        ("a type", "rust", WRITE.format("Write"), "&mut Write", 1),
        ("a trait, whose methods are used", "rust", WRITE.format("impl Write"), "impl Write", 0),
        ("a trait of an object", "rust", WRITE.format("dyn Write"), "dyn Write", 0),
        ("a name in plain code", "typescriptreact", JSX.format("React.f()"), "React.f()", 1),
        (
            "JSX, which is calls of it",
            "typescriptreact",
            JSX.format("[React.a, <p />]"),
            "React.a",
            0,
        ),
    ],
)
def test_an_import_goes_if_nothing_needs_it(
    what: str, language: str, text: str, old: str, found: int
) -> None:
    assert len(removed(language, text, old, "x")) == found


@pytest.mark.parametrize(("old", "found"), [("yaml.A", 1), ("v2", 0)])
def test_the_version_in_a_path_of_go_is_no_name(old: str, found: int) -> None:
    text = 'package a\n\nimport (\n\t"fmt"\n\t"x.y/yaml/v2"\n)\n\nvar a = fmt.F(v2, yaml.A)\n'
    assert len(removed("go", text, old, "x")) == found
