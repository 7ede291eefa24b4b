"""`workspace/executeCommand`: turns suggestions off for a while, and on again."""

from __future__ import annotations

from dgls.errors import InputError
from dgls.lsp.context import Command, RequestContext
from dgls.policy.silence_reasons import Silence

SNOOZE = "dgls.snooze"
RESUME = "dgls.resume"

_USUAL_MINUTES = 15.0
_MAX_MINUTES = 24 * 60.0


async def snooze(context: RequestContext, *arguments: object) -> None:
    """Turn automatic suggestions off for some minutes."""
    context.permission.snooze(_minutes(*arguments))
    context.fills.stop_ahead()
    if context.permission.is_snoozed:
        context.indicator.off(Silence.SNOOZED)
    else:
        context.indicator.on()


async def resume(context: RequestContext, *arguments: object) -> None:
    """Turn automatic suggestions on again."""
    context.permission.snooze(0)
    context.indicator.on()


COMMANDS = (Command(SNOOZE, snooze), Command(RESUME, resume))


def _minutes(given: object = None, *others: object) -> float:
    """The minutes in a command's arguments. Raises `InputError` for invalid ones."""
    minutes = _USUAL_MINUTES if given is None else given
    is_number = isinstance(minutes, (int, float)) and not isinstance(minutes, bool)
    if not is_number or not 0 <= minutes <= _MAX_MINUTES:  # type: ignore[operator]
        raise InputError(
            f"'{SNOOZE}' takes 0 to {_MAX_MINUTES:g} minutes, not {minutes!r}; nothing was changed."
        )
    return float(minutes)  # type: ignore[arg-type]
