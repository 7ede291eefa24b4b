"""Gives a causal model its adapter where there is one for it and it is wanted."""

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
    """Load the model's adapter as `denoise.adapter` asks for it.

    With `auto` it drafts where a trial on this machine says that it pays. One that was not tried
    yet is returned and waits for its trial (`dgls.fill.adapter_trial`). An adapter that is refused
    is a warning; it is trained for the published weights, so with a LoRA merged into them it is
    refused as on any other base.
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
