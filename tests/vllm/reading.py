"""What the tests in this folder read from a server, without the rest of a fill."""

from __future__ import annotations

import random

from dgls.engine.backends.vllm import VllmBackend
from dgls.engine.backends.vllm_fill import Served
from dgls.engine.backends.vllm_wire import CanvasRead, CanvasReply
from dgls.fill.stop import StopToken
from tests.vllm.checkpoint import VOCABULARY


def served_by(backend: VllmBackend) -> Served:
    """What a loaded backend knows about its server."""
    assert backend._served is not None
    return backend._served


def read(served: Served, canvas: CanvasRead) -> CanvasReply:
    """The canvas, read by the server."""
    return served.server.run(served.read(canvas), StopToken())


def some_tokens(seed: int, count: int) -> tuple[int, ...]:
    """Random ids of text tokens, without special ones."""
    noise = random.Random(seed)
    return tuple(noise.randrange(8, VOCABULARY) for _ in range(count))
