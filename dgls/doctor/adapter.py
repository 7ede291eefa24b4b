"""Whether the laptop model's adapter pays on this machine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgls.checkpoint.adapter_trial import Trial, adapter_of, read_trial
from dgls.config import Settings
from dgls.errors import DglsError
from dgls.protocol import OnProgress

if TYPE_CHECKING:
    from dgls.checkpoint.named import Named


def last_trial(settings: Settings) -> Trial | None:
    """The last trial's result with the model in use; None if there was none."""
    try:
        found = _adapter_in_use(settings)
    except DglsError:
        return None
    return None if found is None else read_trial(found.model.folder, found.path)


async def try_adapter(settings: Settings, on_progress: OnProgress) -> None:
    """Time one-line fills with and without the model's adapter, and store the result.

    The next engine acts on it. Does nothing if the model has no adapter.
    """
    await asyncio.to_thread(_try, settings, on_progress)


def _try(settings: Settings, on_progress: OnProgress) -> None:
    from dgls.fill.adapter_trial import AdapterTrial
    from dgls.fill.open_filler import open_causal

    found = _adapter_in_use(settings)
    if found is None:
        return
    filler = open_causal(found.model, settings.model.device, settings.model.threads, adapter="on")
    if filler.model.masks is not None:
        trial = AdapterTrial(filler, found.model.folder, found.path)
        trial.run(lambda share: on_progress(share, "timing the adapter"))


@dataclass(frozen=True, slots=True)
class _Adapter:
    """An adapter's file and its model."""

    model: Named
    path: Path


def _adapter_in_use(settings: Settings) -> _Adapter | None:
    """The adapter of the model in use, or None. Raises `ModelNotFoundError`."""
    from dgls.checkpoint.named import resolved

    if settings.engine.backend != "local":
        return None
    model = resolved(settings.model.name)
    if not model.causal or (settings.model.lora != "off" and model.lora_file is not None):
        # An adapter drafts only for the published weights.
        return None
    path = adapter_of(model.name, model.folder)
    return None if path is None else _Adapter(model, path)
