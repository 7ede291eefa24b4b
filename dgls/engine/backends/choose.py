"""The backend that the settings name."""

from __future__ import annotations

import importlib

from dgls.config import Settings
from dgls.engine.backends.base import Backend
from dgls.errors import SettingError


def backend_of(settings: Settings) -> Backend:
    """The backend, not loaded yet. Raises `SettingError` for a name that is none."""
    name = settings.engine.backend
    if name == "local":
        from dgls.engine.backends.local import LocalBackend

        model = settings.model
        return LocalBackend(
            model.name,
            model.device,
            model.threads,
            model.cache_mb,
            model.quantization,
            model.batch,
            settings.denoise.adapter,
        )
    if name == "vllm":
        from dgls.engine.backends.vllm import VllmBackend

        return VllmBackend(settings)
    if name == "chat":
        from dgls.engine.backends.chat import ChatBackend

        return ChatBackend(settings)
    module, _, factory = name.partition(":")
    try:
        made: Backend = getattr(importlib.import_module(module), factory)(settings)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingError(
            f"'engine.backend' must be 'local', 'vllm', 'chat' or 'module:factory', and "
            f"'{name}' cannot be imported ({error}); no model was loaded."
        ) from error
    return made
