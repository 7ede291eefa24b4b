"""The backend that the settings name."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from dgls.config import Settings
from dgls.engine.backends.base import Backend
from dgls.errors import SettingError


def backend_of(settings: Settings) -> Backend:
    """The backend, not loaded yet. Raises `SettingError` for an unknown name."""
    name = settings.engine.backend
    if name == "local":
        return _local(settings)
    if name in _REMOTE:
        remote = _factory(*_REMOTE[name])(settings)
        if not settings.remote.fallback:
            return remote
        from dgls.engine.backends.fallback import FallbackBackend

        return FallbackBackend(remote, _local(settings))
    module, _, factory = name.partition(":")
    try:
        make = _factory(module, factory)
    except (ImportError, AttributeError, ValueError) as error:
        known = ", ".join(f"'{each}'" for each in ("local", *_REMOTE))
        raise SettingError(
            f"'engine.backend' must be {known} or 'module:factory', and "
            f"'{name}' cannot be imported ({error}); no model was loaded."
        ) from error
    return make(settings)


_REMOTE = {
    "vllm": ("dgls.engine.backends.vllm", "VllmBackend"),
    "chat": ("dgls.engine.backends.chat", "ChatBackend"),
    "infill": ("dgls.engine.backends.infill", "InfillBackend"),
}
"""The backends that ask a server, each by its module and class."""


def _local(settings: Settings) -> Backend:
    from dgls.engine.backends.knobs import knobs_of
    from dgls.engine.backends.local import LocalBackend

    model = settings.model
    return LocalBackend(
        model.name,
        model.device,
        threads=model.threads,
        cache_mb=model.cache_mb,
        quantization=model.quantization,
        batch=model.batch,
        adapter=settings.denoise.adapter,
        lora=model.lora,
        knobs=knobs_of(settings.denoise),
    )


def _factory(module: str, name: str) -> Callable[[Settings], Backend]:
    made: Callable[[Settings], Backend] = getattr(importlib.import_module(module), name)
    return made
