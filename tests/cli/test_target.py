"""Places and files as written on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgls.cli.job import Asked, job_of
from dgls.cli.target import Target, cursor, line_range, parse_target, read_source, selection
from dgls.config import FillSettings
from dgls.errors import InputError, PositionError, SourceFileError
from dgls.text.spans import Span

TEXT = "one\ntwo 𝒳é\n"


@pytest.mark.parametrize(
    ("argument", "target"),
    [
        ("a.py:3:5", Target("a.py", 3, 5)),
        ("a.py:3", Target("a.py", 3)),
        ("a.py", Target("a.py")),
        ("-:1:1", Target("-", 1, 1)),
        ("a.py:3:", Target("a.py", 3)),
        ("a.py:3:5:", Target("a.py", 3, 5)),
        ("a.c:3:5: error: expected ';' before '}' token", Target("a.c", 3, 5)),
        ("C:\\code\\a.py:3:5", Target("C:\\code\\a.py", 3, 5)),
        ("odd:name.py:3:5", Target("odd:name.py", 3, 5)),
    ],
)
def test_a_target_is_a_file_line_and_column(argument: str, target: Target) -> None:
    assert parse_target(argument) == target


@pytest.mark.parametrize(
    ("argument", "lines"),
    [
        ("a.py:3-9", ("a.py", 3, 9)),
        ("a.py:3", ("a.py", 3, 3)),
        ("a.py:3:", ("a.py", 3, 3)),
        ("a.py:3:5", ("a.py", 3, 3)),
        ("a.c:3:5: error: expected ';'", ("a.c", 3, 3)),
        ("-:1-9", ("-", 1, 9)),
    ],
)
def test_a_range_of_lines_is_read(argument: str, lines: tuple[str, int, int]) -> None:
    assert line_range(argument) == lines


@pytest.mark.parametrize(
    ("target", "offset"),
    [
        (Target("f", 1, 1), 0),
        (Target("f", 2, 6), 9),
        (Target("f", 2, 7), 10),
        (Target("f", 2), 10),
        (Target("f", 3, 1), 11),
    ],
)
def test_a_cursor_counts_characters_from_one(target: Target, offset: int) -> None:
    assert cursor(target, TEXT) == Span(offset, offset)


@pytest.mark.parametrize(
    "target", [Target("f", 0, 1), Target("f", 1, 0), Target("f", 1, 5), Target("f", 9, 1)]
)
def test_a_place_outside_the_text_is_refused(target: Target) -> None:
    with pytest.raises(PositionError):
        cursor(target, TEXT)


def test_a_selection_is_a_range_of_the_text() -> None:
    assert selection("1:2-2:4", TEXT).of(TEXT) == "ne\ntwo"


@pytest.mark.parametrize("argument", ["1:2", "2:1-1:1", "1:1-9:9", "a-b"])
def test_a_wrong_selection_is_refused(argument: str) -> None:
    with pytest.raises(InputError):
        selection(argument, TEXT)


@pytest.mark.parametrize("data", [b"\0binary", b"caf\xe9"])
def test_a_file_that_is_not_text_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(data)
    with pytest.raises(SourceFileError, match="nothing was filled"):
        read_source(str(path))


@pytest.mark.parametrize("data", [b"a\r\nb\n\xf0\x9d\x92\xb3\r", b"\xef\xbb\xbfx = 1\r\n", b""])
def test_reading_and_writing_back_changes_no_byte(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(data)
    path.chmod(0o750)
    file = read_source(str(path))
    file.write(file.text)
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o750
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.py"]


def test_a_file_changed_since_reading_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("one\n")
    read = read_source(str(path))
    path.write_text("mine\n")
    with pytest.raises(SourceFileError, match="meanwhile, so dgls left"):
        read.write("two\n")
    assert path.read_text() == "mine\n"
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_the_temporary_file_follows_no_link_and_keeps_the_mode(tmp_path: Path, mode: int) -> None:
    path, other = tmp_path / "a.py", tmp_path / "other"
    path.write_bytes(b"\xef\xbb\xbfone\r\n")
    path.chmod(mode)
    other.write_text("mine\n")
    (tmp_path / ".a.py.dgls").symlink_to(other)
    read_source(str(path)).write("two\r\n")
    assert path.read_bytes() == b"\xef\xbb\xbftwo\r\n"
    assert path.stat().st_mode & 0o777 == mode
    assert other.read_text() == "mine\n"
    assert len([*tmp_path.iterdir()]) == 3


@pytest.mark.parametrize(
    ("place", "kind", "message"),
    [
        ("a.py:9", PositionError, "Line 9 is outside the text, which has 2 lines; nothing"),
        ("empty.py:2", PositionError, "Line 2 is outside the text, which has 1 line; nothing"),
        ("a.py:1:9", PositionError, "Column 9 is not a place in line 1, which has 1 character; n"),
        ("a.py:9:1: error: x", PositionError, "Line 9 is outside the text"),
        ("a.py:0", PositionError, "There is no line 0; the first is 1. Nothing was done."),
        ("a.py:1:0", PositionError, "There is no column 0; the first is 1. Nothing was done."),
        ("none.py:1", SourceFileError, "There is no file none.py; nothing was filled."),
        ("odd:none.py:1", SourceFileError, "There is no file odd:none.py; nothing was filled."),
        ("odd:name.py:9", PositionError, "Line 9 is outside the text"),
        ("folder:1", SourceFileError, "'folder' cannot be read (it is a folder); nothing"),
        (
            "a.py:x",
            InputError,
            "'x' is not a place in a.py; nothing was filled. Give a.py:LINE or ",
        ),
        ("a.py:1:x", InputError, "'1:x' is not a place in a.py; nothing was filled."),
        ("a.py:-1", InputError, "'-1' is not a place in a.py; nothing was filled."),
        ("a.py:1-3", InputError, "'1-3' is not a place in a.py; nothing was filled."),
        ("a.py::1", InputError, "'' is not a place in a.py; nothing was filled."),
        ("a.py", InputError, "Where in a.py? Give a.py:LINE or a.py:LINE:COL. Nothing"),
        ("", InputError, "Which file? Give FILE:LINE:COL. Nothing was filled."),
    ],
)
def test_a_wrong_place_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    kind: type[InputError],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name, text in {"a.py": "x\n", "odd:name.py": "x\n", "empty.py": ""}.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        job_of(Asked([place]), FillSettings())
    assert type(caught.value) is kind
    assert str(caught.value).startswith(message)
