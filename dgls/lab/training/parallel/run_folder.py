"""A run on disk: the state to continue from, its usable result, and the log."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dgls.errors import TrainingError
from dgls.file_lock import FileLock
from dgls.lab.training.moments import moments_of, restore_moments
from dgls.network.memory import is_out_of_memory


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run: steps taken, seconds of training."""

    step: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """The adapter's figures on held-out gaps.

    Tokens per pass by language and overall with masks after every accepted prefix; the same with
    masks after the last draft only (`chain`); the share of places where a mask and those before it
    were right.
    """

    step: int
    tokens_per_pass: dict[str, float]
    tokens_per_pass_all: float
    tokens_per_pass_chain: float
    accepted_by_mask: tuple[float, ...]
    gaps: int

    def summary(self) -> str:
        """One line for a person."""
        languages = ", ".join(f"{name} {value:.2f}" for name, value in self.tokens_per_pass.items())
        masks = " ".join(f"{share:.2f}" for share in self.accepted_by_mask)
        return (
            f"{self.tokens_per_pass_all:.2f} tokens a pass ({languages}; chain "
            f"{self.tokens_per_pass_chain:.2f}), masks right {masks}, {self.gaps} gaps"
        )


class RunFolder:
    """`state/` is the last complete save; it includes the usable result, a file called `made`."""

    def __init__(self, folder: Path, made: str = "adapter.safetensors") -> None:
        self.folder = folder
        self._made = made

    @property
    def made(self) -> Path:
        """The usable result of the last save."""
        return self.folder / "state" / self._made

    @property
    def has_begun(self) -> bool:
        """Whether there is a save to continue from."""
        return self._saved() is not None

    def save(
        self,
        module: nn.Module,
        optimiser: torch.optim.Optimizer,
        progress: Progress,
        write: Callable[[Path], None],
    ) -> None:
        """Write the new state, then swap it with the old one; one of them survives a kill.

        `write` writes the usable result to a path. Raises `TrainingError` if the disk fails; the
        previous save is still complete.
        """
        fresh, state, old = (self.folder / name for name in ("state.new", "state", "state.old"))
        with saving(self.folder):
            if old.exists() and not state.exists():
                os.replace(old, state)
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            save_file(_on_the_cpu(module.state_dict()), fresh / "weights.safetensors")
            moments = moments_of(dict(module.named_parameters()), optimiser)
            save_file(_on_the_cpu(moments), fresh / "optimiser.safetensors")
            write(fresh / self._made)
            (fresh / "progress.json").write_text(json.dumps(asdict(progress)), encoding="utf-8")
            shutil.rmtree(old, ignore_errors=True)
            if state.exists():
                os.replace(state, old)
            os.replace(fresh, state)
            shutil.rmtree(old, ignore_errors=True)

    def load(self, module: nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
        """Load the last save, if any.

        Raises `TrainingError` for one of another shape and for one that cannot be read.
        """
        state = self._saved()
        if state is None:
            return Progress()
        try:
            weights = load_file(state / "weights.safetensors")
            moments = load_file(state / "optimiser.safetensors")
            progress = json.loads((state / "progress.json").read_text(encoding="utf-8"))
            found = Progress(**progress)
        except (OSError, SafetensorError, ValueError, TypeError) as error:
            raise TrainingError(
                f"{state} cannot be read ({error}); it was left untouched. Train into another "
                f"folder, or remove this one."
            ) from error
        mine = module.state_dict()
        if {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in mine.items()}:
            raise TrainingError(
                f"{state} was saved by a run of another shape; it was left untouched. Train into "
                f"another folder, or remove this one."
            )
        module.load_state_dict(weights)
        restore_moments(dict(module.named_parameters()), optimiser, moments)
        return found

    def _saved(self) -> Path | None:
        found = [self.folder / name for name in ("state", "state.old")]
        return next((path for path in found if (path / "progress.json").is_file()), None)

    def log(self, progress: Progress, figures: Mapping[str, Any]) -> None:
        """Append one line of figures to `log.jsonl`."""
        line = {"seconds": round(progress.seconds, 1), **figures}
        with saving(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / "log.jsonl").open("a", encoding="utf-8") as out:
                out.write(json.dumps(line) + "\n")


@contextmanager
def saving(folder: Path) -> Iterator[None]:
    """A context that raises `TrainingError` if writing to the disk fails inside it."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"Nothing more could be written in {folder} ({error}); the save before is untouched. "
            f"Make room and run the same command again."
        ) from error


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """A context that keeps a second run out of the folder."""
    with saving(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock.acquire(folder / "run.lock")
    if lock is None:
        raise TrainingError(
            f"Another run is training in {folder} and was left alone. Wait for it, or name "
            "another --folder."
        )
    try:
        yield
    finally:
        lock.release()


@contextmanager
def memory_told(folder: Path) -> Iterator[None]:
    """A context that turns a lack of memory into an error of one sentence."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingError(
            f"The memory does not suffice to train on this base; the last save in {folder} is "
            f"untouched. Close other programs, or take a smaller base."
        ) from error


def _on_the_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
