"""A request for the tests of real engines."""

from __future__ import annotations

from dgls.protocol import FillRequest, Trigger
from tests.support.backends import SECRET


def request(path: str = "a.py", trigger: Trigger = Trigger.EXPLICIT) -> FillRequest:
    return FillRequest((f"{SECRET} = ", ""), path=path, trigger=trigger, client="c", method="m")
