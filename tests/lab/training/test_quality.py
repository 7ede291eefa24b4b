"""A run ends with a calibrated checkpoint and a table of its fills' quality."""

from __future__ import annotations

from pathlib import Path

from dgls.checkpoint.metadata import read_metadata
from dgls.lab.training.documents import Document, Documents, pack
from dgls.lab.training.quality import Gaps, measure
from tests.support.checkpoints import save_tiny


def source(number: int) -> str:
    """A repetitive file, so that even random weights give some right fills."""
    return "".join(
        f"def read_{name}_{number}(path):\n    with open(path) as f:\n        return f.read()\n\n"
        for name in ("text", "bytes", "lines", "words")
    )


def packed(folder: Path, count: int) -> Documents:
    documents = [Document(f"package/file{index}.py", source(index)) for index in range(count)]
    pack(documents, folder / "heldout")
    return Documents(folder / "heldout")


def test_the_checkpoint_is_calibrated_and_measured(tmp_path: Path) -> None:
    checkpoint = save_tiny(tmp_path / "tiny")
    said: list[str] = []
    table = measure(checkpoint, packed(tmp_path, 4), tmp_path / "q", said.append, Gaps(24, 12))
    assert [row.split("|")[1].strip() for row in table.splitlines()[2:]] == [
        "nothing",
        "copy",
        "causal",
        "noise",
        "dgls",
    ]
    metadata = read_metadata(checkpoint)
    assert metadata is not None
    assert metadata.threshold is not None
    assert metadata.notes["calibration"]["fitted_on"] == "heldout"
    assert len(said) == 1


def test_without_held_out_packages_no_quality_is_reported(tmp_path: Path) -> None:
    said: list[str] = []
    assert measure(tmp_path / "unread", packed(tmp_path, 0), tmp_path / "q", said.append) == ""
    assert "no held-out packages" in said[0]
