"""Recent edits: joined during typing, dropped when undone, moved by edits elsewhere."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from dgls.edits.hunk import Hunk, remembered
from dgls.text.spans import Edit, Span, apply_edits

TEXT = "one\ntwo\nthree\n"


def played(text: str, *edits: Edit) -> tuple[str, tuple[Hunk, ...]]:
    hunks: tuple[Hunk, ...] = ()
    for edit in edits:
        hunks, text = remembered(hunks, text, edit), apply_edits(text, [edit])
    return text, hunks


def test_keystrokes_in_a_line_are_one_edit() -> None:
    text, hunks = played(TEXT, Edit(Span(4, 4), "a"), Edit(Span(5, 5), "b"))
    assert [(hunk.before, hunk.after(text)) for hunk in hunks] == [("two\n", "abtwo\n")]


def test_an_undone_edit_is_forgotten() -> None:
    assert played(TEXT, Edit(Span(4, 4), "a"), Edit(Span(4, 5), ""))[1] == ()


def test_an_edit_above_moves_an_older_one() -> None:
    text, hunks = played(TEXT, Edit(Span(8, 13), "3"), Edit(Span(0, 0), "zero\n"))
    assert [hunk.after(text) for hunk in hunks] == ["3\n", "zero\n"]


def test_an_inserted_line_replaces_nothing() -> None:
    text, hunks = played(TEXT, Edit(Span(4, 4), "new\n"))
    assert [(hunk.before, hunk.after(text)) for hunk in hunks] == [("", "new\n")]


@example("aaaaaaa\n\na", [(9, 1, ""), (7, 1, "")])
@given(
    st.text("ab\n", max_size=12),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4), st.text("ab\n", max_size=3))),
)
def test_undoing_all_hunks_gives_the_first_text(
    text: str, edits: list[tuple[int, int, str]]
) -> None:
    now, hunks = text, ()
    for start, length, new in edits[:10]:
        start = min(start, len(now))
        edit = Edit(Span(start, min(len(now), start + length)), new)
        hunks, now = remembered(hunks, now, edit), apply_edits(now, [edit])
    assert apply_edits(now, [Edit(hunk.span, hunk.before) for hunk in hunks]) == text
