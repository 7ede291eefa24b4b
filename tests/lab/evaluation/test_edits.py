"""`dgls eval edits`: sessions are read and judged, releases are replayed."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from dgls.edits.ripple import ripple
from dgls.lab.evaluation.edits.careful import careful
from dgls.lab.evaluation.edits.pairs import Tally, changed_files, replay
from dgls.lab.evaluation.edits.sessions import judged, read_sessions

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


def test_the_sessions_reach_the_targets() -> None:
    verdicts = [judged(session, ripple) for session in read_sessions(FOLDER)]
    due, silences = sum(v.due for v in verdicts), sum(v.silences for v in verdicts)
    assert sum(v.offered for v in verdicts) >= 0.9 * due
    assert sum(len(v.wrong) for v in verdicts) <= 0.01 * silences


def test_offering_nothing_finds_nothing_and_errs_nowhere() -> None:
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
