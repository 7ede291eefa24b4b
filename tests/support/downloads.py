"""The folder for programs that tests download: editors and servers, outside the checkout.

`tests/editors/install.sh`, `tests/editors/install_vscode.sh` and `tests/vllm/install.py` fill it. A
fresh clone finds the downloads of another one.
"""

from __future__ import annotations

import os
from pathlib import Path


def downloads() -> Path:
    """`DGLS_TESTS_CACHE`, or `dgls/tests` in the user's cache folder."""
    if own := os.environ.get("DGLS_TESTS_CACHE"):
        return Path(own)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "dgls" / "tests"


EDITORS = downloads() / "editors"
SERVERS = downloads() / "servers"
