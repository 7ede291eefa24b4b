"""A model for `dgls eval instructions`: in this process, whatever its size."""

from __future__ import annotations

from dgls.checkpoint.automatic_model import AUTO
from dgls.checkpoint.edit_model import editing_model
from dgls.checkpoint.named import resolved
from dgls.fill.causal import CausalFiller
from dgls.fill.open_filler import editor_of, open_causal, open_filler
from dgls.fill.stop import StopToken
from dgls.lab.evaluation.instructions.run import Ask


def open_editor(name: str | None, device: str, threads: int) -> tuple[str, Ask]:
    """The model's name and a function that asks it; by default the model of `dgls edit`."""
    named = resolved(editing_model(AUTO) if name in {None, AUTO} else str(name))
    if not named.causal:
        other = open_filler(named.name, device, threads)
        return other.name, lambda request: other.fill(request, StopToken())
    filler: CausalFiller = open_causal(named, device, threads)
    filler.editor = editor_of(filler.model, named)
    return filler.name, lambda request: filler.fill(request, StopToken())
