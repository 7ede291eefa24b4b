"""The settings `denoise.*` in the form that fills use."""

from __future__ import annotations

from dataclasses import fields

from dgls.config import AUTO, DenoiseSettings
from dgls.fill.knobs import Knobs


def knobs_of(settings: DenoiseSettings) -> Knobs:
    """The knobs of the settings; those that are `auto` are left to the model."""
    values = {each.name: getattr(settings, each.name) for each in fields(Knobs)}
    return Knobs(**{name: None if value == AUTO else value for name, value in values.items()})
