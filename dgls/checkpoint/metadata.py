"""A checkpoint's metadata for dgls: `dgls.json` beside `config.json`."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dgls.checkpoint.checks import check_metadata
from dgls.checkpoint.confidence import Calibration
from dgls.errors import CheckpointError

METADATA_FILE = "dgls.json"


@dataclass(frozen=True, slots=True)
class Metadata:
    """`family` names the layout ("infill": trained by this project; "chat": prompted).

    `window` is the trained length, in tokens of prompt and canvas together. `budget` has more
    fields of the layout's budget, `strategy` changes to how fills are made (`dgls.fill.strategy`).
    `languages` are those that it was trained on, by the protocol's names; empty means all. A
    suggestion below `threshold` should not be shown; None if none was fitted. `bits` is the
    precision of the stored weights.
    """

    name: str = ""
    family: str = "infill"
    window: int = 512
    bits: int = 32
    threshold: float | None = None
    calibration: Calibration = field(default_factory=Calibration)
    languages: tuple[str, ...] = ()
    budget: dict[str, int] = field(default_factory=dict)
    cache_shares: tuple[float, ...] = ()
    strategy: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)


def write_metadata(metadata: Metadata, folder: Path) -> None:
    """Write `dgls.json` into an existing folder."""
    text = json.dumps(dataclasses.asdict(metadata), indent=2, ensure_ascii=False)
    (folder / METADATA_FILE).write_text(text + "\n", encoding="utf-8")


def read_metadata(folder: Path) -> Metadata | None:
    """The folder's metadata, or None if dgls did not write it.

    Raises `CheckpointError` for an invalid file.
    """
    path = folder / METADATA_FILE
    if not path.is_file():
        return None
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        check_metadata(fields, path)
        calibration = Calibration(**fields.pop("calibration", {}))
        shares = tuple(map(float, fields.pop("cache_shares", ())))
        languages = tuple(map(str, fields.pop("languages", ())))
        return Metadata(calibration=calibration, cache_shares=shares, languages=languages, **fields)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise CheckpointError(
            f"{path} cannot be read ({error}); nothing was loaded. Get the checkpoint again."
        ) from error
