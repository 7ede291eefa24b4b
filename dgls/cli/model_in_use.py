"""Whether an engine of this user uses a model, whose files should then stay."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from dgls.client.connection import ConnectionLostError
from dgls.errors import DglsError
from dgls.file_lock import is_held

if TYPE_CHECKING:
    from dgls.checkpoint.catalogue import Entry
    from dgls.protocol import Health
    from dgls.rendezvous.endpoint import Endpoint

_PATIENCE_S = 2.0
_CHOSEN_LATER = "auto"
"""An engine that starts with this name has not told yet which model it uses."""


def why_in_use(entry: Entry) -> str:
    """Why an engine needs the model's files, without a full stop; "" if none does."""
    from dgls.config import resolve
    from dgls.rendezvous.endpoint import endpoints

    for endpoint in endpoints(resolve().settings):
        if is_held(endpoint.lock):
            health = asyncio.run(_health(endpoint))
            if health is None:
                return f"An engine does not answer, so it may be using {entry.name}"
            if _serves(health, entry):
                return f"An engine (process {health.pid}) is using {entry.name}"
    return ""


async def _health(endpoint: Endpoint) -> Health | None:
    from dgls.client.api import EngineApi

    api = EngineApi(endpoint)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await api.health()
    except (ConnectionLostError, TimeoutError, DglsError):
        return None
    finally:
        api.close()


def _serves(health: Health, entry: Entry) -> bool:
    from dgls.checkpoint.store import folder_of, models_folder
    from dgls.protocol import EngineState

    if health.state is EngineState.FAILED:
        return False
    if Path(health.model).is_relative_to(folder_of(entry)):
        return True
    if health.models and Path(health.models).resolve() != models_folder().resolve():
        return False
    if health.model == _CHOSEN_LATER:
        return health.state is EngineState.LOADING
    # A model may be requested by its name, or by its file, whose stem becomes its name.
    return health.model in {
        entry.name,
        *(Path(file.name).stem for file in entry.files if file.sha256),
    }
