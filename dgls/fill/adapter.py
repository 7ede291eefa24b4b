"""Loads the adapter of a causal model if the model has one and the settings ask for it."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from dgls.checkpoint.adapter import load_adapter
from dgls.checkpoint.adapter_trial import adapter_of, read_trial
from dgls.checkpoint.named import Named
from dgls.errors import DglsError
from dgls.inference.causal_model import CausalModel
from dgls.inference.mask_drafts import MaskDrafts

ON, OFF = "on", "off"

_log = logging.getLogger(__name__)


def equip(model: CausalModel, named: Named, setting: str) -> Path | None:
    """Load the model's adapter as the setting `denoise.adapter` asks for it.

    With `auto`, masks draft if a trial on this machine showed that they pay. Returns the adapter's
    path if its trial has not run yet (`dgls.fill.adapter_trial`), else None. A refused adapter is
    logged as a warning. An adapter is trained for the published weights, so a model with a merged
    LoRA refuses it.
    """
    path = adapter_of(named.name, named.folder)
    if setting == OFF or path is None:
        return None
    trial = read_trial(named.folder, path)
    if setting != ON and trial is not None and not trial.pays:
        return None
    try:
        model.masks = MaskDrafts(model.network, load_adapter(path, named.identity))
    except DglsError as error:
        _log.warning("%s", error)
        return None
    tried = setting == ON or trial is not None
    model.drafting = replace(model.drafting, masks=tried)
    return None if tried else path
