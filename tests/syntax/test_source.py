"""An edited source equals one that was parsed from scratch."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgls.errors import PositionError
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span, apply_edits
from tests.support.marks import read_marks
from tests.support.texts import edits_of, long_texts, texts

PYTHON = language_of("a.py")
INVENTORY = Path(__file__, "../../../fixtures/python/inventory.py").resolve().read_text("utf-8")


def shape(source: Source) -> str:
    """The tree with the byte range of every named node, so that a misplaced node shows."""
    pieces: list[str] = []
    pending = [source.tree.root_node]
    while pending:
        node = pending.pop()
        pieces.append(f"{node.type}:{node.start_point}-{node.end_point}:{node.byte_range}")
        pending += reversed(node.children)
    return "\n".join([str(source.tree.root_node), *pieces])


def replaced(marked: str, new: str) -> tuple[Source, Source]:
    """The source with every marked span replaced, by editing it and by parsing the result."""
    text, spans = read_marks(marked)
    edits = [Edit(span, new) for span in spans]
    before = Source.parse(text, PYTHON)
    assert before.tree.root_node.end_byte == len(before.data)
    return before.edited(edits), Source.parse(apply_edits(text, edits), PYTHON)


@pytest.mark.parametrize(
    ("marked", "new"),
    [
        pytest.param("⟦⟧", "x = 1", id="into an empty document"),
        pytest.param("⟦x = 1⟧", "", id="everything"),
        pytest.param("x = 1⟦⟧", "\n", id="at the end without a newline"),
        pytest.param("def f():\n⟦    ⟧pass\n", "\t", id="spaces to a tab"),
        pytest.param("def f():\n\tif x:\n\t\t⟦⟧pass\n", "y\n\t\t", id="tabs"),
        pytest.param("x = 1⟦\r\n⟧y = 2\r\n", "\n", id="one line end of a CRLF file"),
        pytest.param("x = 1\r⟦⟧\ny = 2\n", "#", id="between the two halves of a CRLF"),
        pytest.param("x = 1\r⟦⟧y = 2\n", "\n", id="completing a CRLF"),
        pytest.param("x = 1\r⟦y⟧ = 2\r", "z", id="lines that end in CR"),
        pytest.param("x = 1⟦\r⟧y = 2\r", "\n", id="the first CR of two"),
        pytest.param("\ufeffx = ⟦1⟧\n", "'é😀'", id="after a byte order mark"),
        pytest.param("⟦\ufeff⟧x = 1\n", "", id="the byte order mark itself"),
        pytest.param("x = '😀⟦⟧😀'\ny = '→'\n", "🐍", id="among astral characters"),
        pytest.param("a = ⟦b⟧\nc = ⟦b⟧\nd = (⟦b⟧, ⟦b⟧)\n", "bb → '😀'", id="several at once"),
        pytest.param("x = f(⟦⟧\ny = 1\n", ")", id="a missing bracket"),
        pytest.param('x = 1\n⟦⟧y = 2\n"""doc"""\n', '"""', id="a quote that swallows the rest"),
        pytest.param(
            '     self.counts[sku] += count\n\n    def take(self, sku: "t: int) ⟦-> No⟧',
            '"',
            id="errors that an incremental parse reports differently",
        ),
    ],
)
def test_after_an_edit_the_tree_equals_a_fresh_parse(marked: str, new: str) -> None:
    edited, fresh = replaced(marked, new)
    assert edited.text == fresh.text
    assert edited.data == fresh.data
    assert shape(edited) == shape(fresh)


def test_a_deletion_and_an_insertion_keep_the_following_text_in_place() -> None:
    text, (deleted, inserted) = read_marks("self.cou⟦nt⟧s[sku] +⟦⟧= count\n")
    source = Source.parse(text, PYTHON)
    assert not source.tree.root_node.has_error
    edited = source.edited([Edit(deleted, ""), Edit(inserted, "aa")])
    assert shape(edited) == shape(Source.parse(edited.text, PYTHON))


@settings(max_examples=150)
@given(st.data(), texts)
def test_after_any_edits_the_tree_equals_a_fresh_parse(data: st.DataObject, text: str) -> None:
    source = Source.parse(text, PYTHON)
    for look in data.draw(st.lists(st.booleans(), min_size=1, max_size=6)):
        # The tree may or may not be used between two edits.
        if look:
            assert source.tree.root_node is not None
        source = source.edited(data.draw(edits_of(source.text)))
    fresh = Source.parse(source.text, PYTHON)
    assert source.data == fresh.data
    assert shape(source) == shape(fresh)


@settings(max_examples=40)
@given(st.data())
def test_after_edits_far_apart_the_tree_equals_a_fresh_parse(data: st.DataObject) -> None:
    source = Source.parse(INVENTORY, PYTHON)
    assert not source.tree.root_node.has_error
    edited = source.edited(data.draw(edits_of(INVENTORY, most=4)))
    assert shape(edited) == shape(Source.parse(edited.text, PYTHON))


def test_after_typing_in_50_000_lines_the_tree_equals_a_fresh_parse() -> None:
    function = "def f(a, b=None):\n    total = a\n    return total\n\n\nTABLE = {'→': 1}\n\n\n"
    source = Source.parse(function * 6_250, PYTHON)
    assert len(source.lines.starts) == 50_001
    assert source.tree.root_node.child_count == 12_500
    at = len(source.text) // 2
    for typed in "if a:\n    b = '😀'\n":
        source = source.edited([Edit(Span(at, at), typed)])
        at += 1
    fresh = Source.parse(source.text, PYTHON).tree.root_node
    assert str(source.tree.root_node) == str(fresh)
    statements = source.tree.root_node.children
    assert [each.byte_range for each in statements] == [each.byte_range for each in fresh.children]


def test_an_edit_is_parsed_only_when_the_tree_is_used() -> None:
    source = Source.parse("x = 1\n", PYTHON).edited([Edit(Span(0, 1), "y")])
    assert "tree" not in source.__dict__
    assert source.tree.root_node.type == "module"
    assert "tree" in source.__dict__


def test_an_edit_does_not_modify_the_source() -> None:
    source = Source.parse("x = 1\n", PYTHON)
    before = shape(source)
    assert not source.edited([Edit(Span(0, 5), "def f(): pass")]).tree.root_node.has_error
    assert (source.text, shape(source)) == ("x = 1\n", before)


def test_a_carriage_return_alone_ends_a_line() -> None:
    source = Source.parse("def f():\r    x = 1\r\ry = 2\n", PYTHON)
    assert not source.tree.root_node.has_error
    assert [source.span(node).of(source.text) for node in source.tree.root_node.children] == [
        "def f():\r    x = 1",
        "y = 2",
    ]


@settings(max_examples=50)
@given(st.data(), long_texts)
def test_offsets_convert_to_bytes_and_back(data: st.DataObject, text: str) -> None:
    source = Source.parse(text, PYTHON)
    offset = data.draw(st.integers(0, len(text)))
    assert source.byte_offset(offset) == len(text[:offset].encode())
    assert source.offset(source.byte_offset(offset)) == offset


def test_a_node_covers_its_text() -> None:
    text, (span,) = read_marks("x = '😀'\ny = ⟦foo(a, '→')⟧\n")
    source = Source.parse(text, PYTHON)
    node = source.node_at(span)
    assert (node.type, source.span(node)) == ("call", span)


def test_offsets_outside_the_text_are_refused() -> None:
    source = Source.parse("é = 1", PYTHON)
    for wrong in (
        lambda: source.byte_offset(6),
        lambda: source.offset(7),
        lambda: source.offset(-1),
    ):
        with pytest.raises(PositionError):
            wrong()
    with pytest.raises(PositionError):
        source.edited([Edit(Span(3, 9), "")])
    with pytest.raises(UnicodeEncodeError):
        source.edited([Edit(Span(0, 0), "\ud83d")])
