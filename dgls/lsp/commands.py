"""`workspace/executeCommand`: suggestions off for a while, and on again."""

from __future__ import annotations

from dgls.errors import InputError
from dgls.lsp.server import DglsServer
from dgls.policy.silence import Silence

SNOOZE = "dgls.snooze"
RESUME = "dgls.resume"

_USUAL_MINUTES = 15.0
_MOST_MINUTES = 24 * 60.0


def register(server: DglsServer) -> None:
    """Offer the commands."""

    async def snooze(ls: DglsServer, *arguments: object) -> None:
        ls.permission.snooze(_minutes(*arguments))
        ls.fills.stop_ahead()
        if ls.permission.is_snoozed:
            ls.indicator.off(Silence.SNOOZED)

    async def resume(ls: DglsServer, *arguments: object) -> None:
        ls.permission.snooze(0)
        ls.indicator.on()

    server.command(SNOOZE)(server.guarded(snooze))
    server.command(RESUME)(server.guarded(resume))


def _minutes(given: object = None, *others: object) -> float:
    """The minutes of a command's arguments. Raises `InputError` for what is none."""
    minutes = _USUAL_MINUTES if given is None else given
    is_number = isinstance(minutes, (int, float)) and not isinstance(minutes, bool)
    if not is_number or not 0 <= minutes <= _MOST_MINUTES:  # type: ignore[operator]
        raise InputError(
            f"'{SNOOZE}' takes 0 to {_MOST_MINUTES:g} minutes, not {minutes!r}; "
            "nothing was changed."
        )
    return float(minutes)  # type: ignore[arg-type]
