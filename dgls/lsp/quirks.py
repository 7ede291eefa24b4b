"""Editors' deviations from the protocol."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirks:
    """How one editor differs.

    With `newline_only` a \\r inside a line is a character of that line. `delay_ms` is how long the
    editor itself waits after a keystroke before it asks. With `keeps_after_null` an older
    suggestion stays on its screen after the answer null; an empty list clears it.
    """

    newline_only: bool = False
    delay_ms: float = 0.0
    keeps_after_null: bool = False


_BY_CLIENT = {"Neovim": Quirks(newline_only=True, delay_ms=200.0, keeps_after_null=True)}


def quirks_of(client: str) -> Quirks:
    """The quirks of a client, by its own name."""
    return _BY_CLIENT.get(client, Quirks())
