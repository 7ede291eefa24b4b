"""From a model's name to a model that is ready to fill."""

from __future__ import annotations

from dgls.models.architecture import parameter_count
from dgls.models.hardware import chosen_device, chosen_dtype, set_threads
from dgls.models.loading import Progress, load_checkpoint
from dgls.models.model import Model
from dgls.models.registry import EMBEDDED, find


def open_model(
    name: str = EMBEDDED,
    device: str = "auto",
    threads: int = 0,
    progress: Progress = lambda share, what: None,
) -> Model:
    """Load a model by its name (`dgls.models.registry`) onto a device of torch, or "auto".

    `threads` 0 leaves the number of CPU threads to dgls. Raises `ModelNotFoundError`,
    `CheckpointError` or `SettingError`.
    """
    folder = find(name)
    where = chosen_device(device)
    checkpoint = load_checkpoint(folder, where, chosen_dtype(where), progress)
    set_threads(where, threads, parameter_count(checkpoint.model))
    return Model.of(checkpoint)
