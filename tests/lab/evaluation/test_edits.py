"""`dgls eval edits`: sessions are read and judged, releases are replayed."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from dgls.edits.ripple import ripple
from dgls.edits.state import Offer, State
from dgls.errors import InputError
from dgls.lab.evaluation.edits.careful import careful
from dgls.lab.evaluation.edits.lines import of_the_file
from dgls.lab.evaluation.edits.pairs import ChangedFile, Tally, changed_files, is_part, replay
from dgls.lab.evaluation.edits.sessions import judged, read_sessions
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.spans import Span

FOLDER = Path(__file__).parents[3] / "fixtures" / "edits"


def archive(path: Path, text: str) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("pkg-1/a.py")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text.encode()))
    return path


def test_there_are_fifteen_sessions_a_language() -> None:
    sessions = read_sessions(FOLDER)
    languages = [session.language for session in sessions]
    assert {name: languages.count(name) for name in languages} == dict.fromkeys(
        ("go", "python", "rust", "typescript"), 15
    )


def test_a_folder_without_sessions_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing was measured"):
        read_sessions(tmp_path)


def test_the_sessions_reach_the_targets() -> None:
    verdicts = [judged(session, ripple) for session in read_sessions(FOLDER)]
    due, silences = sum(v.due for v in verdicts), sum(v.silences for v in verdicts)
    assert sum(v.offered for v in verdicts) >= 0.9 * due
    assert sum(len(v.wrong) for v in verdicts) <= 0.01 * silences


def test_without_offers_nothing_is_found_or_wrong() -> None:
    verdicts = [judged(session, lambda state: ()) for session in read_sessions(FOLDER)]
    assert not any(v.offered or v.wrong for v in verdicts)


def test_a_release_is_replayed_in_both_orders(tmp_path: Path) -> None:
    old = "import os\n\n\na = old(1, 2, 3)\nx = 1\nb = old(1, 2, 4)\n"
    files = list(
        changed_files(
            [
                archive(tmp_path / "p-1.tar.gz", old),
                archive(tmp_path / "p-2.tar.gz", old.replace("old", "renamed")),
            ]
        )
    )
    tally = Tally()
    replay(files[0], careful, tally)
    assert (tally.hunks, tally.offers["shape", "wrong"]) == (2, 0)


@pytest.mark.parametrize(
    ("what", "then", "is_step"),
    [
        ("one of two removed names", "from a import b, d\n", True),
        ("the whole change", "from a import d\n", True),
        ("a kept name is removed", "from a import b, c\n", False),
        ("an unrelated name is added", "from a import d, e\n", False),
    ],
)
def test_an_intermediate_step_is_part_of_the_change(what: str, then: str, is_step: bool) -> None:
    old, new = "from a import b, c, d\n", "from a import d\n"
    changed = ChangedFile("a.py", (old,), (new,), ((0, 1, 0, 1),))
    assert is_part(changed, 0, old, then) is is_step


def test_a_list_that_loses_a_name_at_each_of_two_edits_is_a_step(tmp_path: Path) -> None:
    old = "from a import b, c, d\n\n\nx = b\n\nz = d\n\ny = c\n"
    new = old.replace("b, c, d", "d").replace("x = b", "x = 1").replace("y = c", "y = 1")
    releases = [archive(tmp_path / f"p-{n}.tar.gz", text) for n, text in enumerate((old, new))]
    tally = Tally()
    for changed in changed_files(releases):
        replay(changed, ripple, tally)
    assert (tally.offers["import", "text"], tally.parts["import"]) == (1, 1)
    assert (tally.silent, tally.steps, tally.states) == (2, 1, 3)


@pytest.mark.parametrize(
    ("what", "at", "then", "hunk", "moved"),
    [
        ("where the hunk is", 2, "n\n\n", Span(2, 2), Span(2, 2)),
        ("a line further up", 3, "n\n\n", Span(2, 2), Span(2, 2)),
        ("a line further down", 2, "\nn\n", Span(3, 3), Span(3, 3)),
        ("next to another line", 3, "n\n", Span(2, 2), Span(3, 3)),
    ],
)
def test_an_offer_may_insert_either_of_two_equal_lines(
    what: str, at: int, then: str, hunk: Span, moved: Span
) -> None:
    state = State(Source.parse("a\n\nb\n", language_named("python")), ())
    (offer,) = of_the_file(state, [Offer(Span(at, at), then, "import", "")], {0: hunk})
    assert offer.span == moved
    assert "".join(sorted(offer.text)) == "".join(sorted(then))


def test_earlier_files_are_new_and_later_ones_old(tmp_path: Path) -> None:
    old = "x = 1\ny = 2\n\n\n\n\nz = 3\n"
    releases = []
    for number, text in enumerate([old, old.replace("1", "4").replace("3", "5")]):
        releases.append(tmp_path / f"p-{number}.tar.gz")
        with tarfile.open(releases[-1], "w:gz") as tar:
            for name in "abc":
                member = tarfile.TarInfo(f"pkg-{number}/{name}.py")
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text.encode()))
    middle = list(changed_files(releases))[1]
    assert {path: source.text[:5] for path, source in middle.others.items()} == {
        "a.py": "x = 4",
        "c.py": "x = 1",
    }
