"""Typed settings and their one resolver."""

from dgls.config.live import LiveSettings
from dgls.config.resolver import FILE_NAME, Resolved, changed, resolve
from dgls.config.settings import (
    AUTO,
    DECLARED,
    ContextSettings,
    DenoiseSettings,
    EngineSettings,
    FillSettings,
    ModelSettings,
    PrivacySettings,
    RemoteSettings,
    Settings,
    ShowSettings,
    TypingSettings,
    is_folder,
)

__all__ = [
    "AUTO",
    "DECLARED",
    "FILE_NAME",
    "ContextSettings",
    "DenoiseSettings",
    "EngineSettings",
    "FillSettings",
    "LiveSettings",
    "ModelSettings",
    "PrivacySettings",
    "RemoteSettings",
    "Resolved",
    "Settings",
    "ShowSettings",
    "TypingSettings",
    "changed",
    "is_folder",
    "resolve",
]
