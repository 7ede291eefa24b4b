"""Which adapter a model has, and whether it pays on this machine: stored beside the weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dgls.checkpoint.files import ADAPTER_FILE

_BUNDLED = Path(__file__).with_name("adapters")
_FILE = "adapter-trial.json"
_WORTH = 0.85
"""An adapter is used if one-line fills take at most this share of their time without it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Median milliseconds of `fills` one-line fills without and with an adapter."""

    adapter: str
    fills: int
    without_ms: float
    with_ms: float

    @property
    def pays(self) -> bool:
        """Whether the adapter is worth using."""
        return self.with_ms <= _WORTH * self.without_ms


def adapter_of(name: str, folder: Path) -> Path | None:
    """The adapter of the model `name`: the one trained into its `folder`, else the bundled one."""
    found = (own_adapter(folder), _BUNDLED / f"{name}.safetensors")
    return next((path for path in found if path.is_file()), None)


def own_adapter(folder: Path) -> Path:
    """The path of a user-trained adapter, beside the weights in `folder`."""
    return folder / ADAPTER_FILE


def fingerprint(adapter: Path) -> str:
    """A string that identifies an adapter's file."""
    return hashlib.sha256(adapter.read_bytes()).hexdigest()[:16]


def read_trial(folder: Path, adapter: Path) -> Trial | None:
    """The last trial of that adapter with the model in `folder`, or None."""
    try:
        found = Trial(**json.loads((folder / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return found if found.adapter == fingerprint(adapter) else None


def write_trial(folder: Path, trial: Trial) -> None:
    """Write a trial. Raises `OSError` if the folder cannot be written."""
    partial = folder / f"{_FILE}.partial"
    partial.write_text(json.dumps(asdict(trial)), encoding="utf-8")
    partial.replace(folder / _FILE)
