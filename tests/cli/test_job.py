"""Which gaps the places on the command line mean, and what becomes of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgls.cli.job import Asked, Job, job_of
from dgls.config import FillSettings
from dgls.errors import InputError, PositionError
from dgls.protocol import Fill
from dgls.sound.gap_edit import HOLE_LINES

BODY = "def f():\n    ...\n\n\ndef g():\n    '''G.'''\nx = 1\n"
BRACES = "function f() {\r\n}\r\nlet a = ;\r\n"


def job(folder: Path, name: str, text: str, *places: str, lines: int | None = None) -> Job:
    """The job of places in a file of this text, each without the file's name."""
    file = folder / name
    file.write_bytes(text.encode())
    return job_of(Asked([f"{file}:{place}" for place in places], lines=lines), FillSettings())


@pytest.mark.parametrize(
    ("name", "text", "places", "fills", "written"),
    [
        ("a.py", BODY, ["2"], ["return 1"], BODY.replace("...", "return 1")),
        ("a.py", BODY, ["2:5"], ["y = 1; "], BODY.replace("...", "y = 1; ...")),
        ("a.py", BODY, ["5"], ["return 2"], BODY.replace("'''\n", "'''\n    return 2\n")),
        ("a.py", BODY, ["7"], [" + 1"], BODY.replace("x = 1", "x = 1 + 1")),
        (
            "a.py",
            BODY,
            ["7", "2", "5"],
            ["return 1", "return 2", " + 1"],
            "def f():\n    return 1\n\n\ndef g():\n    '''G.'''\n    return 2\nx = 1 + 1\n",
        ),
        # Two places in one hole are one gap.
        ("a.py", BODY, ["5", "6"], ["return 2"], BODY.replace("'''\n", "'''\n    return 2\n")),
        (
            "a.js",
            BRACES,
            ["1", "3:9"],
            ["g();\n    return 1;", "2"],
            "function f() {\r\n    g();\r\n    return 1;\r\n}\r\nlet a = 2;\r\n",
        ),
    ],
)
def test_places_select_the_gaps_that_are_filled(
    tmp_path: Path,
    name: str,
    text: str,
    places: list[str],
    fills: list[str],
    written: str,
) -> None:
    found = job(tmp_path, name, text, *places)
    assert len(found.task.gaps) == len(fills)
    (sound,) = found.sound([Fill(tuple(fills), -1.0, 0.5)], None)
    found.write(sound)
    assert (tmp_path / name).read_bytes().decode() == written


@pytest.mark.parametrize(
    ("place", "lines", "most", "is_cursor"),
    [("2", None, HOLE_LINES, False), ("2", 3, 3, False), ("7", None, 1, True), ("7", 3, 3, True)],
)
def test_a_hole_has_the_same_line_limit_as_in_an_editor(
    tmp_path: Path, place: str, lines: int | None, most: int, is_cursor: bool
) -> None:
    found = job(tmp_path, "a.py", BODY, place, lines=lines)
    assert found.task.lines == (most,)
    assert (found.cursor is not None) == is_cursor


def test_the_model_does_not_see_the_text_of_a_hole(tmp_path: Path) -> None:
    found = job(tmp_path, "a.py", BODY, "2")
    assert found.task.context.parts == ("def f():\n    ", BODY.partition("...")[2])


def test_places_that_overlap_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PositionError, match="overlap"):
        job(tmp_path, "a.py", BODY, "2", "2:6")


def test_places_in_two_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one file"):
        job_of(Asked(["a.py:1", "b.py:1"]), FillSettings())
