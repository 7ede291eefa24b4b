"""Holes are found where a programmer left them, and a fill lands where the code belongs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from dgls.syntax.holes import HoleKind, hole_of_line, holes, opened
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text.lines import line_around
from dgls.text.spans import Span
from tests.support.marks import read_marks, show_marks
from tests.support.texts import texts

PYTHON = language_of("a.py")
GEOMETRY = Path(__file__, "../../../fixtures/python/geometry.py").resolve().read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        pytest.param("def f():\n    pass\n", "def f():\n    ⟦⟧\n", id="pass"),
        pytest.param("def f(): ...\n", "def f(): ⟦⟧\n", id="an ellipsis after its header"),
        pytest.param(
            "class A:\n    '''A.'''\n\n    def f(self):\n        raise NotImplementedError('f')\n",
            "class A:\n    '''A.'''\n\n    def f(self):\n        ⟦⟧\n",
            id="not implemented",
        ),
        pytest.param("def f():", "def f():\n    ⟦⟧", id="no body at the end of the file"),
        pytest.param("def f():\n", "def f():\n    ⟦⟧\n", id="no body and a final newline"),
        pytest.param("def f():\n    ", "def f():\n    ⟦⟧", id="a blank line for the body"),
        pytest.param(
            "def f():  \nx = 1\n", "def f():\n    ⟦⟧\nx = 1\n", id="no body, then a dedent"
        ),
        pytest.param(
            "class A:\n  def f(\n    self,\n  ):  # why\n\n  def g(self):\n    return 1\n",
            "class A:\n  def f(\n    self,\n  ):  # why\n    ⟦⟧\n\n  def g(self):\n    return 1\n",
            id="indentation as in the file",
        ),
        pytest.param("class A:\n\tx = 1\nif x:\n", "class A:\n\tx = 1\nif x:\n\t⟦⟧\n", id="tabs"),
        pytest.param("def f():\r\n", "def f():\r\n    ⟦⟧\r\n", id="CRLF"),
        pytest.param("def é(a='😀'):\n", "def é(a='😀'):\n    ⟦⟧\n", id="astral characters"),
        pytest.param(
            "try:\n    x\nexcept E:\nelse:\n    y\n",
            "try:\n    x\nexcept E:\n    ⟦⟧\nelse:\n    y\n",
            id="an empty clause",
        ),
        pytest.param(
            "def f():\n    '''Doc.'''\n\nx = 1\n",
            "def f():\n    '''Doc.'''\n    ⟦⟧\n\nx = 1\n",
            id="a function with only a docstring",
        ),
        pytest.param(
            "class E(Exception):\n    '''Doc.'''\n",
            None,
            id="but a class may have only a docstring",
        ),
        pytest.param("def f(): '''Doc.'''\n", None, id="documented on the header's line"),
        pytest.param(
            "# TODO: read it\n\nx = 1\n", "# TODO: read it\n⟦⟧\n\nx = 1\n", id="a TODO at the top"
        ),
        pytest.param(
            "def f():\n    # FIXME: this\n    # and that\n    return 1\n",
            "def f():\n    # FIXME: this\n    # and that\n    ⟦⟧\n    return 1\n",
            id="a FIXME of two lines",
        ),
        pytest.param(
            "def f():\n    # TODO: x\n    pass\n",
            "def f():\n    # TODO: x\n    ⟦⟧\n",
            id="a TODO above a placeholder",
        ),
        pytest.param(
            "def f():\n    # TODO: x\n\ny = 1\n",
            "def f():\n    # TODO: x\n    ⟦⟧\n\ny = 1\n",
            id="a TODO alone in a body",
        ),
        pytest.param(
            "def f():  # TODO: x\n    y = 1\n",
            "def f():  # TODO: x\n    ⟦⟧\n    y = 1\n",
            id="a TODO after a header",
        ),
        pytest.param(
            "x = 1  # TODO: y\nz = 2\n", "x = 1  # TODO: y\n⟦⟧\nz = 2\n", id="a TODO after code"
        ),
        pytest.param("x = [\n    # TODO: more\n]\n", None, id="a TODO among brackets"),
        pytest.param("x: T = ...\ny = a[..., 1]\n", None, id="an ellipsis used as a value"),
        pytest.param("raise ValueError\n# mastodon\n", None, id="nothing to fill"),
        pytest.param("x = 'TODO'\ndef f(a=...): return\n", None, id="a TODO in a string"),
        pytest.param("", None, id="an empty document"),
    ],
)
def test_a_fill_lands_in_the_hole(text: str, filled: str | None) -> None:
    source = Source.parse(text, PYTHON)
    found = holes(source)
    if filled is None:
        assert found == ()
        return
    (hole,) = found
    laid_open, gap = opened(source, hole)
    assert show_marks(laid_open.text, [gap]) == filled
    expected, (place,) = read_marks(filled)
    fill = source.edited([hole.edit("return f(x)")])
    assert fill.text == expected[: place.start] + "return f(x)" + expected[place.end :]
    assert not fill.tree.root_node.has_error


def test_the_holes_of_a_file_are_found_in_order() -> None:
    found = holes(Source.parse(GEOMETRY, PYTHON))
    assert [(hole.kind, hole.title, hole.multiline) for hole in found] == [
        (HoleKind.ELLIPSIS, "Fill the body of `area`", False),
        (HoleKind.NOT_IMPLEMENTED, "Fill the body of `scaled`", True),
        (HoleKind.PASS, "Fill the body of `scaled`", True),
        (HoleKind.EMPTY_BODY, "Fill the body of `circumference`", True),
        (HoleKind.TODO, "Fill in: FIXME: the sign depends on the direction of the p…", True),
        (HoleKind.EMPTY_BODY, "Fill the body of `perimeter`", True),
        (HoleKind.ELLIPSIS, "Fill the body of `centre`", True),
    ]


@pytest.mark.parametrize(
    ("marked", "titles"),
    [
        ("def f():\n    ⟦⟧pass\n\ndef g():\n    pass\n", ["Fill the body of `f`"]),
        ("def f():\n    pass⟦⟧\n\ndef g():\n    pass\n", ["Fill the body of `f`"]),
        (
            "def f():\n    ⟦pass\n\ndef g():\n    p⟧ass\n",
            ["Fill the body of `f`", "Fill the body of `g`"],
        ),
        ("def f():\n    pass\n⟦⟧\ndef g():\n    pass\n", []),
        ("def f(\n    ⟦⟧a,\n):\n\ndef g():\n", ["Fill the body of `f`"]),
        ("if x:\n    y\n    pass⟦⟧\n", ["Replace `pass`"]),
        ("while x:⟦⟧\n", ["Fill the empty block"]),
        ("# TODO⟦⟧\n", ["Fill in: TODO"]),
    ],
)
def test_holes_at_a_place_are_on_its_lines(marked: str, titles: list[str]) -> None:
    text, (span,) = read_marks(marked)
    assert [hole.title for hole in holes(Source.parse(text, PYTHON), span)] == titles


def test_a_search_at_a_place_finds_the_same_holes_as_the_whole_file() -> None:
    text = GEOMETRY * 40
    source = Source.parse(text, PYTHON)
    everything = holes(source)
    at = len(GEOMETRY) * 20 + GEOMETRY.index("pass")
    near = holes(source, Span(at, at))
    assert len(near) == 1
    assert near[0] in everything


@settings(max_examples=100)
@given(texts)
def test_any_text_can_be_searched_for_holes(text: str) -> None:
    source = Source.parse(text, PYTHON)
    for hole in holes(source):
        laid_open, gap = opened(source, hole)
        assert laid_open.text[: gap.start].endswith(hole.lead)
        # A placeholder or white space is replaced: a fill removes nothing else.
        if hole.kind in (HoleKind.TODO, HoleKind.EMPTY_BODY):
            assert not hole.span.of(text).strip()
        else:
            assert hole.span.of(text).startswith(("pass", "...", "raise"))


@pytest.mark.parametrize(
    ("name", "marked", "title"),
    [
        ("a.py", "def f():\n    pass⟦⟧\n", "Fill the body of `f`"),
        ("a.py", "def f():\n    ...⟦⟧\n", "Fill the body of `f`"),
        ("a.py", "def f():\n    x = 1\n    pass  # later⟦⟧\n", "Replace `pass`"),
        ("a.py", "def f():\n    raise NotImplementedError(⟦⟧\n        'f'\n    )\n", "body of `f`"),
        ("a.py", "def f():⟦⟧\n    raise NotImplementedError\n", None),
        ("a.py", "def f(): ...⟦⟧\n", "Fill the body of `f`"),
        ("a.py", "x = 1\n# TODO: y⟦⟧\nz = 2\n", "Fill in: TODO: y"),
        ("a.py", "x = 1  # TODO: y⟦⟧\nz = 2\n", "Fill in: TODO: y"),
        ("a.py", "def f():⟦⟧\n", "Fill the body of `f`"),
        ("a.py", "def f():\n    ⟦⟧\n", "Fill the body of `f`"),
        ("a.py", "def f():⟦⟧\n    '''F.'''\n", "Fill the body of `f`"),
        ("a.py", "def f():\n    '''F.⟦⟧\n\n    More.'''\n", "Fill the body of `f`"),
        ("a.py", "def f(⟦⟧\n    a,\n):\n    '''F.'''\n", None),
        ("a.py", "def f(\n    a,⟦⟧\n):\n    '''F.'''\n", None),
        ("a.py", "def f(\n    a,\n):⟦⟧\n    '''F.'''\n", "Fill the body of `f`"),
        ("a.py", "if a: pass⟦⟧\n", "Replace `pass`"),
        ("a.py", "if a: pass; b()⟦⟧\n", None),
        ("a.py", "x = ⟦⟧\n", None),
        ("a.py", "for a in b:\n    c += ⟦⟧\nd()\n", None),
        ("a.py", "def f():\n    for a in b:\n        c += ⟦⟧\n    return c\n", None),
        ("a.py", "def f():\n    return ⟦⟧\n", None),
        ("a.ts", "for (const a of b) {\n  c += ⟦⟧\n}\n", None),
        ("a.py", "x: T = ...⟦⟧\n", None),
        ("a.ts", "function f() {⟦⟧\n}\n", "Fill the body of `f`"),
        ("a.ts", "function f() {\n}⟦⟧\n", None),
        ("a.ts", "function f() {}⟦⟧\n", "Fill the body of `f`"),
        ("a.ts", "f(() => {});⟦⟧\n", "Fill the empty block"),
        ("a.ts", "f(() => {}, 1);⟦⟧\n", None),
        ("a.ts", "f(() => {⟦⟧\n  return 1;\n});\n", None),
        ("a.go", "func f(a int) {⟦⟧\n}\n", "Fill the body of `f`"),
        ("a.rs", "fn f() -> i32 {\n    todo!()⟦⟧\n}\n", "Fill the body of `f`"),
        ("a.rb", "def f⟦⟧\nend\n", "Fill the body of `f`"),
        ("a.rb", "def f\nend⟦⟧\n", None),
        ("a.java", "class A {\n  void f() {\n    // TODO: this⟦⟧\n  }\n}\n", "body of `f`"),
        ("a.cpp", "int f(int a) {⟦⟧\n}\n", "Fill the body of `f`"),
    ],
)
def test_the_hole_at_the_end_of_a_line_is_found(name: str, marked: str, title: str | None) -> None:
    text, (mark,) = read_marks(marked)
    hole = hole_of_line(Source.parse(text, language_of(name)), line_around(text, mark.start))
    found = None if hole is None else hole.title
    assert found is None if title is None else found is not None and title in found
