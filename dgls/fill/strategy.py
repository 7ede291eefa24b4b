"""Which candidates a canvas model proposes, and how they are denoised."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dgls.canvas.types import OPEN_END, Lengths
from dgls.diffusion.loop import DenoiseSettings
from dgls.diffusion.sampler import Order
from dgls.diffusion.schedule import CONSTANT, LinearTemperature
from dgls.diffusion.stopping import StopRule
from dgls.errors import CheckpointError

SMALL_MODEL = DenoiseSettings(
    max_steps=5,
    entropy_bound=3.0,
    order=Order.LEFT,
    temperature=CONSTANT,
    greedy=True,
    stop=StopRule(stable_steps=1, entropy=0.05, once_accepted=True),
)
"""Few greedy steps from the left: a small model must settle the alignment first."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """The proposals of one fill, which the judge ranks.

    `causal`: make causal drafts, by a search of `beams` beams. `passes`: denoise passes that may
    overrule the best draft, 0 for none. `noise`: canvases denoised from noise, each with its own.
    `copies`: the most texts proposed from similar places in the document. A text whose fitted
    confidence is at least `enough` is the answer at once, where one will do. `lengths`: lengths
    tried in one batch by a model that does not end a gap. `warm`: the first canvas starts from the
    document's last draft instead of noise, if the user typed along it.
    """

    causal: bool = True
    beams: int = 4
    passes: int = 1
    noise: int = 1
    copies: int = 6
    enough: float = 0.9
    warm: bool = True
    denoise: DenoiseSettings = field(default_factory=lambda: SMALL_MODEL)
    lengths: Lengths = field(default_factory=Lengths)


CHAT = Strategy(
    causal=False,
    passes=0,
    copies=0,
    warm=False,
    denoise=DenoiseSettings(),
    lengths=Lengths((OPEN_END, 3, 6, 9, 12, 16, 24), (OPEN_END, 24, 48, 96)),
)
"""The published family's own sampler.

A one-line fill has a median of about 7 tokens and rarely more than 16; an open end covers the
lengths in between. None of this was tried on the published weights.
"""


def _check_kinds(changes: Mapping[str, Any], base: Strategy | DenoiseSettings) -> None:
    """Raise `ValueError` for a value of the wrong type or below 0."""
    for name, value in changes.items():
        usual = getattr(base, name, None)
        if isinstance(usual, bool):
            good = isinstance(value, bool)
        elif isinstance(usual, (int, float)):
            kinds = (int,) if isinstance(usual, int) else (int, float)
            is_number = isinstance(value, kinds) and not isinstance(value, bool)
            good = is_number and int(name == "beams") <= value < 2**31
        else:
            continue
        if not good:
            raise ValueError(f"'{name}' must be like {usual}, not {str(value)[:60]}")


def strategy_for(family: str, changes: Mapping[str, Any]) -> Strategy:
    """The strategy of a model family, with a checkpoint's own `changes`.

    `changes` may name numbers, switches and names of `Strategy` and `DenoiseSettings`. Raises
    `CheckpointError` for anything else.
    """
    base = CHAT if family == "chat" else Strategy()
    known = {"causal", "beams", "passes", "noise", "copies", "enough", "warm", "lengths"}
    loop = {name: value for name, value in changes.items() if name not in known}
    plan = {name: value for name, value in changes.items() if name in known}
    try:
        _check_kinds(plan, base)
        _check_kinds(loop, base.denoise)
        if "order" in loop:
            loop["order"] = Order(loop["order"])
        if "stop" in loop:
            loop["stop"] = StopRule(**loop["stop"])
        if "lengths" in plan:
            tried = {kind: tuple(map(int, each)) for kind, each in plan["lengths"].items()}
            plan["lengths"] = dataclasses.replace(base.lengths, **tried)
        if "temperature" in loop:
            loop["temperature"] = LinearTemperature(**loop["temperature"])
        return dataclasses.replace(base, **plan, denoise=dataclasses.replace(base.denoise, **loop))
    except (TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"The checkpoint asks for a strategy that this version of dgls does not know "
            f"({error}); nothing was loaded. Update dgls."
        ) from error
