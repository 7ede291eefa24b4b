"""Positions and edits mean the same place to dgls and to an editor, whatever units it counts."""

from __future__ import annotations

import re
from bisect import bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgls.errors import PositionError
from dgls.text.encodings import Encoding, code_points, units
from dgls.text.lines import (
    Lines,
    Position,
    line_around,
    line_end_of,
    split_lines,
    with_line_ends,
)
from dgls.text.spans import Edit, Span, anchored_start, apply_edits, split_at
from tests.support.texts import edits_of, long_texts, texts

ENCODINGS = tuple(Encoding)
UNIT_BYTES = {Encoding.UTF8: 1, Encoding.UTF16: 2, Encoding.UTF32: 4}
CODECS = {Encoding.UTF8: "utf-8", Encoding.UTF16: "utf-16-le", Encoding.UTF32: "utf-32-le"}

quick = settings(max_examples=60)


def lines_with_ends(text: str, newline_only: bool = False) -> list[str]:
    """The lines of a text with their ends, by a slow and simple method."""
    end = "\n" if newline_only else "\r\n|\r|\n"
    pieces = re.split(f"({end})", text)
    return [
        line + (pieces[2 * at + 1 : 2 * at + 2] or [""])[0] for at, line in enumerate(pieces[::2])
    ]


def editors_cut(text: str, position: Position, encoding: Encoding) -> str:
    """The text before a position for an editor that stores lines of code units."""
    lines = lines_with_ends(text)
    head = lines[position.line].encode(CODECS[encoding])[: position.column * UNIT_BYTES[encoding]]
    return "".join(lines[: position.line]) + head.decode(CODECS[encoding])


@pytest.mark.parametrize(
    ("encoding", "column"), [(Encoding.UTF8, 9), (Encoding.UTF16, 4), (Encoding.UTF32, 3)]
)
def test_columns_count_the_editors_code_units(encoding: Encoding, column: int) -> None:
    text = "one\r\né→😀x"
    assert Lines(text).position(8, encoding) == Position(1, column)
    assert Lines(text).offset(Position(1, column), encoding) == 8


@pytest.mark.parametrize(
    ("text", "position", "encoding", "offset"),
    [
        pytest.param("ab\ncd", Position(0, 99), Encoding.UTF16, 2, id="past the line's end"),
        pytest.param("ab\r\ncd", Position(0, 3), Encoding.UTF8, 2, id="inside the line's end"),
        pytest.param("ab\ncd", Position(9, 0), Encoding.UTF16, 5, id="past the last line"),
        pytest.param("ab\ncd", Position(0, -1), Encoding.UTF16, 0, id="before the line"),
        pytest.param("a😀b", Position(0, 2), Encoding.UTF16, 1, id="inside a pair"),
        pytest.param("a😀b", Position(0, 4), Encoding.UTF8, 1, id="inside four bytes"),
        pytest.param("", Position(0, 7), Encoding.UTF8, 0, id="empty text"),
        pytest.param("a\n", Position(1, 7), Encoding.UTF8, 2, id="after the last line end"),
    ],
)
def test_an_impossible_place_is_moved_if_lenient_and_refused_if_strict(
    text: str, position: Position, encoding: Encoding, offset: int
) -> None:
    lines = Lines(text)
    assert lines.clamped_offset(position, encoding) == offset
    with pytest.raises(PositionError):
        lines.offset(position, encoding)


def test_a_refusal_counts_from_one_and_gives_the_limits() -> None:
    with pytest.raises(PositionError, match="Line 4 is outside the text, which has 2 lines"):
        Lines("a\nb").offset(Position(3, 0))
    with pytest.raises(PositionError, match="Column 6 is not a place in line 2"):
        Lines("a\nb").offset(Position(1, 5))
    with pytest.raises(PositionError, match="Offset 4"):
        Lines("a\nb").position(4)


@quick
@given(long_texts, st.booleans())
def test_lines_begin_where_the_last_one_ends(text: str, newline_only: bool) -> None:
    ends = [0]
    for line in lines_with_ends(text, newline_only)[:-1]:
        ends.append(ends[-1] + len(line))
    starts = Lines(text, newline_only).starts
    assert list(starts) == ends
    assert [starts[number] for number in range(len(starts))] == ends
    assert starts[-1] == ends[-1]
    assert list(starts[1:3]) == ends[1:3]
    near = {at for end in ends for at in (end - 1, end, end + 1) if 0 <= at <= len(text)}
    for at in near | {len(text)}:
        assert starts.line_of(at) == bisect_right(ends, at) - 1
    with pytest.raises(IndexError):
        starts[len(ends)]


@quick
@given(st.data(), long_texts)
def test_the_lines_after_an_edit_are_those_of_the_new_text(data: st.DataObject, text: str) -> None:
    lines = Lines(text)
    assert len(lines.starts)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, len(text)))
        edit = Edit(Span(start, end), data.draw(st.one_of(texts, long_texts)))
        text = apply_edits(text, [edit])
        lines, fresh = lines.edited(edit, text), Lines(text)
        assert list(lines.starts) == list(fresh.starts)
        count = len(fresh.starts)
        assert [lines.starts[at] for at in range(count)] == list(fresh.starts)
        for at in {0, start, start + len(edit.text), len(text)}:
            assert lines.position(at) == fresh.position(at)


def test_a_small_edit_of_a_long_text_recounts_few_lines() -> None:
    text = "a line\n" * 50_000
    lines = Lines(text)
    before = lines.starts._blocks
    for _ in range(3_000):
        edit = Edit(Span(100_000, 100_000), "b")
        text = apply_edits(text, [edit])
        lines = lines.edited(edit, text)
    assert len(lines.starts._blocks) < len(before) + 5
    assert list(lines.starts) == list(Lines(text).starts)


@pytest.mark.parametrize("length", range(1_020, 1_028))
def test_a_line_end_of_two_characters_may_lie_on_a_block_boundary(length: int) -> None:
    lines = Lines("a" * length + "\r\nb")
    assert list(lines.starts) == [0, length + 2]
    assert lines.starts[1] == length + 2
    assert lines.position(length + 3) == Position(1, 1)


@quick
@given(texts, st.booleans())
def test_a_line_excludes_its_line_end(text: str, newline_only: bool) -> None:
    lines = Lines(text, newline_only)
    ends = "\n" if newline_only else "\r\n"
    expected = [
        re.sub("\n$" if newline_only else "(\r\n|\r|\n)$", "", line)
        for line in lines_with_ends(text, newline_only)
    ]
    assert [lines.span(number).of(text) for number in range(len(lines.starts))] == expected
    assert not any(end in line for end in ends for line in expected)


@quick
@given(st.data(), long_texts, st.sampled_from(ENCODINGS))
def test_every_offset_is_where_the_editor_sees_it(
    data: st.DataObject, text: str, encoding: Encoding
) -> None:
    offset = data.draw(st.integers(0, len(text)))
    lines = Lines(text)
    position = lines.position(offset, encoding)
    assert editors_cut(text, position, encoding) == text[:offset]
    inside_line_end = text[offset - 1 : offset] == "\r" and text[offset : offset + 1] == "\n"
    assert lines.clamped_offset(position, encoding) == offset - inside_line_end
    if not inside_line_end:
        assert lines.offset(position, encoding) == offset


@quick
@given(texts, st.integers(-2, 60), st.integers(-2, 200), st.sampled_from(ENCODINGS))
def test_any_position_has_a_lenient_place_and_a_strict_one_only_where_exact(
    text: str, line: int, column: int, encoding: Encoding
) -> None:
    lines, position = Lines(text), Position(line, column)
    offset = lines.clamped_offset(position, encoding)
    assert 0 <= offset <= len(text)
    found = lines.position(offset, encoding)
    assert found <= position or line < 0 or column < 0
    if found == position:
        assert lines.offset(position, encoding) == offset
    else:
        with pytest.raises(PositionError):
            lines.offset(position, encoding)


@quick
@given(st.data(), texts, st.sampled_from(ENCODINGS))
def test_an_edit_from_an_editor_changes_what_the_editor_changed(
    data: st.DataObject, text: str, encoding: Encoding
) -> None:
    for _ in range(3):
        edit = data.draw(edits_of(text, most=1))[0]
        start, end = (Lines(text).position(at, encoding) for at in (edit.span.start, edit.span.end))
        before, upto = (editors_cut(text, place, encoding) for place in (start, end))
        theirs = before + edit.text + text[len(upto) :]
        ours = apply_edits(text, [edit])
        assert ours == theirs
        text = ours


def test_half_a_surrogate_pair_is_counted_and_kept() -> None:
    text = "a\ud83d b"
    assert [units(text, each) for each in (Encoding.UTF8, Encoding.UTF16)] == [6, 4]
    assert Lines(text).offset(Position(0, 2), Encoding.UTF16) == 2


@quick
@given(texts, st.integers(-3, 300), st.sampled_from(ENCODINGS))
def test_as_many_code_points_as_fit_are_taken(text: str, column: int, encoding: Encoding) -> None:
    count = code_points(text, column, encoding)
    fitting = [n for n in range(len(text) + 1) if units(text[:n], encoding) <= column]
    assert count == max(fitting, default=0)


@quick
@given(st.data(), texts)
def test_edits_apply_together_in_any_order(data: st.DataObject, text: str) -> None:
    edits = data.draw(edits_of(text))
    one_by_one = text
    for edit in sorted(edits, key=lambda each: each.span, reverse=True):
        one_by_one = apply_edits(one_by_one, [edit])
    if len({edit.span for edit in edits}) == len(edits):
        assert apply_edits(text, edits) == one_by_one


def test_edits_that_overlap_are_refused() -> None:
    with pytest.raises(PositionError):
        apply_edits("abcd", [Edit(Span(0, 2), ""), Edit(Span(1, 3), "")])
    with pytest.raises(PositionError):
        apply_edits("abcd", [Edit(Span(3, 5), "")])
    with pytest.raises(PositionError):
        split_at("abcd", [Span(2, 3), Span(1, 2)])


@quick
@given(st.data(), texts)
def test_parts_and_spans_join_to_the_text(data: st.DataObject, text: str) -> None:
    edits = data.draw(edits_of(text))
    spans = sorted(edit.span for edit in edits)
    parts = split_at(text, spans)
    woven = parts[0] + "".join(
        span.of(text) + part for span, part in zip(spans, parts[1:], strict=True)
    )
    assert woven == text


@given(st.integers(0, 5_000), st.integers(1, 600))
def test_an_anchored_start_keeps_half_the_budget_at_least(length: int, budget: int) -> None:
    start = anchored_start(length, budget)
    assert 0 <= length - start <= budget
    assert start == 0 or length - start >= budget - budget // 2 or budget == 1
    hops = {anchored_start(length + typed, budget) for typed in range(max(1, budget // 2))}
    assert len(hops) <= 2


@quick
@given(st.data(), texts)
def test_the_line_around_an_offset_is_that_of_all_lines(data: st.DataObject, text: str) -> None:
    offset = data.draw(st.integers(0, len(text)))
    lines = Lines(text)
    inside_line_end = text[offset - 1 : offset] == "\r" and text[offset : offset + 1] == "\n"
    if not inside_line_end:
        assert line_around(text, offset) == lines.span(lines.position(offset).line)


@pytest.mark.parametrize(
    ("text", "end"),
    [("", "\n"), ("a", "\n"), ("a\nb\r\n", "\n"), ("a\r\nb\r\nc\n", "\r\n"), ("a\rb", "\r")],
)
def test_the_line_end_of_a_text_is_its_most_frequent_one(text: str, end: str) -> None:
    assert line_end_of(text) == end


@quick
@given(texts)
def test_line_ends_convert_both_ways(text: str) -> None:
    plain = with_line_ends(text, "\n")
    assert "\r" not in plain
    assert with_line_ends(with_line_ends(plain, "\r\n"), "\n") == plain
    assert len(Lines(plain).starts) == len(Lines(text).starts)


NO_LINE_ENDS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\n", ["a\n"]),
        ("a\r\nb\rc\n\nd", ["a\r\n", "b\r", "c\n", "\n", "d"]),
        ("\r\r\n", ["\r", "\r\n"]),
        (f"a{NO_LINE_ENDS}b\nc", [f"a{NO_LINE_ENDS}b\n", "c"]),
    ],
)
def test_lines_end_where_an_editor_ends_them(text: str, lines: list[str]) -> None:
    assert split_lines(text, keepends=True) == lines
    assert split_lines(text) == [line.rstrip("\r\n") for line in lines]


@given(texts)
def test_split_lines_are_those_of_positions(text: str) -> None:
    assert "".join(split_lines(text, keepends=True)) == text
    lines = Lines(text)
    spans = [lines.span(number).of(text) for number in range(len(lines.starts))]
    # An editor has an empty line after the last line end.
    assert [*split_lines(text), *([""] if not text or text[-1] in "\r\n" else [])] == spans
