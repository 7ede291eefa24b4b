"""Whether the laptop model's adapter pays on this machine."""

from __future__ import annotations

import asyncio

from dgls.checkpoint.adapter_trial import Trial, adapter_of, read_trial
from dgls.config import Settings
from dgls.errors import DglsError
from dgls.protocol import OnProgress

_LOCAL = "local"


def last_trial(settings: Settings) -> Trial | None:
    """The result of the last trial with the model in use; None where there was none."""
    from dgls.checkpoint.named import resolved

    if settings.engine.backend != _LOCAL:
        return None
    try:
        named = resolved(settings.model.name)
    except DglsError:
        return None
    path = adapter_of(named.name, named.folder) if named.causal else None
    return None if path is None else read_trial(named.folder, path)


async def try_adapter(settings: Settings, on_progress: OnProgress) -> None:
    """Time one-line fills with and without the model's adapter, and keep the result with the model.

    The next engine acts on it. Does nothing where the model has no adapter.
    """
    await asyncio.to_thread(_try, settings, on_progress)


def _try(settings: Settings, on_progress: OnProgress) -> None:
    from dgls.checkpoint.named import resolved
    from dgls.fill.adapter_trial import AdapterTrial
    from dgls.fill.opening import open_causal

    if settings.engine.backend != _LOCAL:
        return
    named = resolved(settings.model.name)
    path = adapter_of(named.name, named.folder) if named.causal else None
    if path is None:
        return
    model = settings.model
    filler = open_causal(named, model.device, model.threads, adapter="on")
    if filler.model.masks is not None:
        trial = AdapterTrial(filler, named.folder, path)
        trial.run(lambda share: on_progress(share, "timing the adapter"))
