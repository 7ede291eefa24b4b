"""The scopes around a place are those that a statement typed there would belong to."""

from __future__ import annotations

import pytest

from dgls.syntax.languages import language_of
from dgls.syntax.scopes import enclosing_scopes
from dgls.syntax.source import Source
from tests.support.marks import cursor_of

PYTHON = language_of("a.py")


@pytest.mark.parametrize(
    ("marked", "names"),
    [
        ("⟦⟧", []),
        ("x = ⟦⟧1\n", []),
        ("def f():\n    x = ⟦⟧1\n", ["f"]),
        ("def f(a⟦⟧): pass\n", ["f"]),
        ("class A:\n    def f(self):\n        return 1⟦⟧\n", ["A", "f"]),
        ("class A:\n    def f(self):\n        return 1\n        ⟦⟧", ["A", "f"]),
        ("class A:\n    def f(self):\n        return 1\n\n    ⟦⟧\n", ["A"]),
        ("class A:\n    def f(self):\n        return 1\n\n    ⟦⟧\n    x = 1\n", ["A"]),
        ("class A:\n    def f(self):\n        return 1\n\n⟦⟧", []),
        ("class A:\n    def f(self):\n        return 1\n\n    ⟦⟧def g(self):\n        x\n", ["A"]),
        ("def f():\n    ⟦⟧", ["f"]),
        ("def f():\n    ⟦⟧\n\ndef g():\n    x\n", ["f"]),
        ("async def f():\r\n\tasync with a:\r\n\t\t⟦⟧\r\n", ["f"]),
        ("@d\ndef é():\n    '''\n⟦⟧text\n    '''\n", ["é"]),
        ("def f():\n    call(\n⟦⟧\n    )\n", ["f"]),
    ],
)
def test_the_scopes_around_a_place_are_found(marked: str, names: list[str]) -> None:
    text, cursor = cursor_of(marked)
    scopes = enclosing_scopes(Source.parse(text, PYTHON), cursor)
    assert [scope.name for scope in scopes] == names


def test_a_scope_has_a_header_and_a_body() -> None:
    text, cursor = cursor_of(
        "@d\nclass A(\n    B,\n):\n    def f(self) -> '😀':  # why\n        return ⟦⟧1\n"
    )
    outer, inner = enclosing_scopes(Source.parse(text, PYTHON), cursor)
    assert (outer.kind, outer.header.of(text)) == ("class", "class A(\n    B,\n):")
    assert outer.body.of(text) == inner.span.of(text)
    assert (inner.kind, inner.header.of(text)) == ("function", "def f(self) -> '😀':  # why")
    assert inner.body.of(text) == "return 1"


def test_an_empty_body_is_an_empty_span_after_the_header() -> None:
    text, cursor = cursor_of("def f():\n    ⟦⟧\n")
    (scope,) = enclosing_scopes(Source.parse(text, PYTHON), cursor)
    assert scope.header.of(text) == "def f():"
    assert len(scope.body) == 0
    assert scope.header.end <= scope.body.start <= scope.span.end
