"""Typed settings, and the resolver of their sources."""

from dgls.config.live import LiveSettings
from dgls.config.resolver import Resolved, changed, explicit_settings, resolve
from dgls.config.sections.declaring import AUTO
from dgls.config.sections.engine import (
    DenoiseSettings,
    EngineSettings,
    ModelSettings,
    RemoteSettings,
    is_path,
)
from dgls.config.sections.suggestions import (
    ContextSettings,
    FillSettings,
    PrivacySettings,
    ShowSettings,
    TypingSettings,
)
from dgls.config.settings import DECLARED, Settings
from dgls.config.sources import FILE_NAME

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
    "explicit_settings",
    "is_path",
    "resolve",
]
