"""How many CPU threads a pass takes: few for few rows, all for more."""

from __future__ import annotations

import torch

_FEW_ROWS = 3


class Threads:
    """Sets torch's threads before a pass.

    A pass over few rows waits for memory, not for arithmetic: half of the threads read the weights
    as fast as all of them, and each operation's end does not wait for a core that a compiler is
    using. More rows are arithmetic, and take all threads.
    """

    def __init__(self) -> None:
        self._all = torch.get_num_threads()

    def choose(self, rows: int) -> None:
        """Set the threads for a pass over so many rows."""
        wanted = max(1, self._all // 2) if rows <= _FEW_ROWS else self._all
        if torch.get_num_threads() != wanted:
            torch.set_num_threads(wanted)
