"""The settings `denoise.*` as a fill takes them."""

from __future__ import annotations

from dataclasses import fields

from dgls.config import AUTO, DenoiseSettings
from dgls.fill.knobs import Knobs


def knobs_of(settings: DenoiseSettings) -> Knobs:
    """The knobs that the settings turn; what is `auto` is left to the model."""
    values = {each.name: getattr(settings, each.name) for each in fields(Knobs)}
    return Knobs(**{name: None if value == AUTO else value for name, value in values.items()})
