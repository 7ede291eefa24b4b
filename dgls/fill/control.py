"""What ends the passes of one request early."""

from __future__ import annotations

import time

from dgls.fill.stop import StopToken
from dgls.inference.control import RunControl
from dgls.protocol import FillRequest


def control_of(request: FillRequest, stop: StopToken) -> RunControl:
    """The request's stop token, and its deadline counted from now."""
    limit = request.limits.deadline_ms
    deadline = None if limit is None else time.monotonic() + limit / 1000
    return RunControl(lambda: stop.stopped, deadline)
