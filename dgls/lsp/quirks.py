"""Where an editor differs from what the protocol lets a server expect."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirks:
    """How one editor differs.

    With `newline_only` a \\r inside of a line is a character of that line. `delay_ms` is how long
    the editor itself waits after a keystroke before it asks. With `keeps_after_null` an older
    suggestion stays on its screen when it is answered null; an empty list clears it.
    """

    newline_only: bool = False
    delay_ms: float = 0.0
    keeps_after_null: bool = False


_BY_CLIENT = {"Neovim": Quirks(newline_only=True, delay_ms=200.0, keeps_after_null=True)}


def quirks_of(client: str) -> Quirks:
    """What is known of a client, by the name that it gives itself."""
    return _BY_CLIENT.get(client, Quirks())
