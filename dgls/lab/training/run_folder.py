"""A training run on disk: the state to continue from, and the log."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dgls.errors import TrainingError
from dgls.lab.training.optimiser import Optimisers


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run: steps taken, seconds spent in them, tokens seen."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of `log.jsonl`: means since the line before. `heldout_*` is measured at times."""

    step: int
    seconds: float
    tokens: int
    canvas: float
    causal: float
    rate: float
    heldout_canvas: float | None = None
    heldout_causal: float | None = None


class RunFolder:
    """`state/` has the last complete save; `log.jsonl` grows by a line at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, model: nn.Module, optimisers: Optimisers, progress: Progress) -> None:
        """Write the new state, then swap it with the old one; one of them survives a kill."""
        fresh, state, old = (self.folder / name for name in ("state.new", "state", "state.old"))
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        save_file(_contiguous(dict(model.named_parameters())), fresh / "weights.safetensors")
        save_file(_contiguous(optimisers.state()), fresh / "optimiser.safetensors")
        (fresh / "progress.json").write_text(json.dumps(asdict(progress)), encoding="utf-8")
        shutil.rmtree(old, ignore_errors=True)
        if state.exists():
            os.replace(state, old)
        os.replace(fresh, state)
        shutil.rmtree(old, ignore_errors=True)

    def load(self, model: nn.Module, optimisers: Optimisers) -> Progress:
        """Load the last save, if any. Raises `TrainingError` for one of another shape."""
        found = [self.folder / name for name in ("state", "state.old")]
        state = next((path for path in found if (path / "progress.json").is_file()), None)
        if state is None:
            return Progress()
        weights = load_file(state / "weights.safetensors")
        named = dict(model.named_parameters())
        if {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in named.items()}:
            raise TrainingError(
                f"{state} was saved by a run of another shape; it was left untouched. Train into "
                f"another folder, or remove this one."
            )
        for name, parameter in named.items():
            parameter.data.copy_(weights[name])
        optimisers.load(load_file(state / "optimiser.safetensors"))
        progress = json.loads((state / "progress.json").read_text(encoding="utf-8"))
        return Progress(**progress)

    def log(self, line: LogLine) -> None:
        """Append one line to the log."""
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as out:
            out.write(json.dumps(asdict(line)) + "\n")

    def history(self) -> list[LogLine]:
        """The log so far, without the lines of steps that were lost to an interruption."""
        try:
            text = (self.folder / "log.jsonl").read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        kept: list[LogLine] = []
        for line in (LogLine(**json.loads(row)) for row in text.splitlines()):
            kept = [earlier for earlier in kept if earlier.step < line.step]
            kept.append(line)
        return kept


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
