"""Set before anything is imported: no fetched models, and Triton without a GPU interpreted."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# No test depends on what the user has fetched; those of the laptop model ask for it by name.
if "DGLS_TEST_MODELS" not in os.environ:
    from dgls.checkpoint.store import models_folder

    os.environ["DGLS_TEST_MODELS"] = str(models_folder())
    os.environ["DGLS_MODELS"] = str(Path(tempfile.gettempdir()) / "dgls-tests-have-no-models")

if not Path("/dev/nvidia0").exists():
    os.environ.setdefault("TRITON_INTERPRET", "1")
    # Triton asks for a choice; the interpreter is not touched by it.
    os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")
