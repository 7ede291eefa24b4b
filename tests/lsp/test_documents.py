"""The server's text equals the editor's after any edits, in all three encodings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsprotocol import types

from dgls.lsp.convert import Convention, path_of
from dgls.lsp.documents import Documents
from dgls.syntax.source import Source
from dgls.text.encodings import Encoding
from dgls.text.spans import Span
from tests.support.reference_text import reference_offset

URI = "file:///code/example.py"
# Letters of one to four bytes, tabs, every line end, a BOM, and text that nests and breaks Python.
fragments = st.sampled_from(
    [
        "a",
        "x = 1",
        "é",
        "↯",
        "😀",
        "👩‍🚀",
        "\t",
        "    ",
        "\n",
        "\r\n",
        "\r",
        "\ufeff",
        "def f():",
        "(",
        '"',
        "",
    ]
)
texts = st.lists(fragments, max_size=12).map("".join)


def opened(text: str, convention: Convention, language: str = "python") -> Documents:
    documents = Documents(convention)
    documents.open(types.TextDocumentItem(uri=URI, language_id=language, version=1, text=text))
    return documents


def change(
    documents: Documents, version: int, *changes: tuple[tuple[int, int, int, int], str]
) -> None:
    events = [
        types.TextDocumentContentChangePartial(range=range_(*place), text=text)
        for place, text in changes
    ]
    identifier = types.VersionedTextDocumentIdentifier(uri=URI, version=version)
    documents.change(identifier, events)


def range_(line: int, column: int, end_line: int, end_column: int) -> types.Range:
    return types.Range(
        start=types.Position(line=line, character=column),
        end=types.Position(line=end_line, character=end_column),
    )


places = st.tuples(st.integers(0, 8), st.integers(0, 12))


@given(
    text=texts,
    encoding=st.sampled_from(Encoding),
    edits=st.lists(st.tuples(places, places, texts), min_size=1, max_size=6),
    together=st.booleans(),
)
@settings(max_examples=150)
def test_after_any_edits_the_text_equals_the_editors(
    text: str,
    encoding: Encoding,
    edits: list[tuple[tuple[int, int], tuple[int, int], str]],
    together: bool,
) -> None:
    documents = opened(text, Convention(encoding))
    expected = text
    changes = []
    for one, other, new in edits:
        first, last = sorted((one, other))
        start = reference_offset(expected, *first, encoding)
        end = reference_offset(expected, *last, encoding)
        expected = expected[:start] + new + expected[end:]
        changes.append(((*first, *last), new))
    if together:
        change(documents, 2, *changes)
    else:
        for version, each in enumerate(changes, start=2):
            change(documents, version, each)

    document = documents.get(URI)

    assert document is not None
    assert document.text == expected
    assert document.source is not None
    assert document.source.text == expected
    fresh = Source.parse(expected, document.source.language)
    assert str(document.source.tree.root_node) == str(fresh.tree.root_node)


@given(text=texts, encoding=st.sampled_from(Encoding), data=st.data())
@settings(max_examples=150)
def test_offsets_and_positions_convert_both_ways(
    text: str, encoding: Encoding, data: st.DataObject
) -> None:
    document = opened(text, Convention(encoding)).get(URI)
    assert document is not None
    offset = data.draw(st.integers(0, len(text)))
    if text[offset - 1 : offset + 1] == "\r\n":
        return  # The protocol has no position between the two.

    position = document.range(Span(offset, offset)).start

    assert document.offset(position) == offset
    assert reference_offset(text, position.line, position.character, encoding) == offset


@pytest.mark.parametrize(
    ("encoding", "column"), [(Encoding.UTF8, 9), (Encoding.UTF16, 7), (Encoding.UTF32, 6)]
)
def test_columns_count_code_units_of_the_agreed_encoding(encoding: Encoding, column: int) -> None:
    document = opened("s = '😀'\n", Convention(encoding)).get(URI)
    assert document is not None

    assert document.offset(types.Position(line=0, character=column)) == 6


@pytest.mark.parametrize(
    ("line", "column", "expected"),
    [(0, 99, 3), (1, 0, 4), (1, 7, 4), (2, 0, None), (2**31 - 1, 0, None)],
)
def test_a_place_past_the_text_is_the_line_end_or_none(
    line: int, column: int, expected: int | None
) -> None:
    document = opened("abc\n", Convention()).get(URI)
    assert document is not None

    assert document.offset(types.Position(line=line, character=column)) == expected


def test_an_editor_that_knows_only_newlines_places_text_after_a_carriage_return() -> None:
    documents = opened("a\r\nb\n", Convention(Encoding.UTF8, newline_only=True))

    change(documents, 2, ((0, 2, 0, 2), "x"))
    change(documents, 3, ((1, 1, 1, 1), "y"))

    document = documents.get(URI)
    assert document is not None
    assert document.text == "a\rx\nby\n"


def test_an_older_snapshot_is_unchanged() -> None:
    documents = opened("a = 1\n", Convention())
    before = documents.now

    change(documents, 2, ((0, 4, 0, 5), "2"))

    assert before[URI].text == "a = 1\n"
    assert before[URI].version == 1
    newest = documents.get(URI)
    assert newest is not None
    assert (newest.text, newest.version) == ("a = 2\n", 2)


def test_a_whole_new_text_replaces_the_old_one() -> None:
    documents = opened("a = 1\n", Convention())
    whole = types.TextDocumentContentChangeWholeDocument(text="b = 2")

    documents.change(types.VersionedTextDocumentIdentifier(uri=URI, version=5), [whole])

    document = documents.get(URI)
    assert document is not None
    assert (document.text, document.version) == ("b = 2", 5)
    assert document.source is not None
    assert document.source.text == "b = 2"


@pytest.mark.parametrize(("language", "text"), [("plaintext", "x"), ("python", "a = '\ud83d'")])
def test_a_document_that_cannot_be_parsed_has_no_source(language: str, text: str) -> None:
    documents = opened(text, Convention(), language)

    change(documents, 2, ((0, 0, 0, 0), "# "))

    document = documents.get(URI)
    assert document is not None
    assert document.text == f"# {text}"
    assert document.source is None


def test_a_change_of_an_unknown_document_is_left_alone() -> None:
    documents = Documents(Convention())

    change(documents, 2, ((0, 0, 0, 0), "x"))

    assert documents.get(URI) is None


def test_a_closed_document_is_forgotten() -> None:
    documents = opened("x", Convention())

    documents.close(URI)

    assert documents.get(URI) is None


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///home/a%20b/x.py", "/home/a b/x.py"),
        ("untitled:Untitled-1.py", "Untitled-1.py"),
        ("vscode-remote://host/src/x.py", "/src/x.py"),
    ],
)
def test_a_uri_has_a_path(uri: str, path: str) -> None:
    assert path_of(uri) == path
