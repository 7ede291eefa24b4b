"""Typed settings and their one resolver."""

from dgls.config.resolver import FILE_NAME, Resolved, changed, resolve
from dgls.config.settings import (
    DECLARED,
    EngineSettings,
    FillSettings,
    ModelSettings,
    Settings,
    ShowSettings,
)

__all__ = [
    "DECLARED",
    "FILE_NAME",
    "EngineSettings",
    "FillSettings",
    "ModelSettings",
    "Resolved",
    "Settings",
    "ShowSettings",
    "changed",
    "resolve",
]
