"""Set before anything is imported: without a GPU, Triton's kernels run in its interpreter."""

from __future__ import annotations

import os
from pathlib import Path

if not Path("/dev/nvidia0").exists():
    os.environ.setdefault("TRITON_INTERPRET", "1")
    # Triton asks for a choice; the interpreter is not touched by it.
    os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")
