"""A fill with the tiny model."""

from __future__ import annotations

import torch

from dgls.fill.canvas import CanvasFiller
from dgls.fill.stop import StopToken
from dgls.fill.strategy import Strategy
from dgls.protocol import FillRequest, Limits

torch.set_num_threads(1)

PREFIX = "def total(items):\n    result = 0\n    for item in items:\n        "
SUFFIX = "\n    return result\n"
REQUEST = FillRequest((PREFIX, SUFFIX), path="shop/basket.py", limits=Limits(candidates=9))
BOTH = Strategy(causal=True, passes=2, noise=2, copies=0)


def fill(model, request=REQUEST, strategy=BOTH, on_draft=None, stop=None):
    return CanvasFiller(model, strategy).fill(request, stop or StopToken(), on_draft)
