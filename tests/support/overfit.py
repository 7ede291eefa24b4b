"""A checkpoint that the real training code has overfitted on `fixtures/overfit`.

Tests of editors need a model that is sure of itself; a model as weak as a small one can be would
rightly stay silent. It is trained once and kept in the ignored cache folder of the checkout.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import torch

from dgls.evaluation.contamination import Contamination
from dgls.training.fetch import local_package
from dgls.training.pipeline import Reporter, Workplace, make_checkpoint
from dgls.training.recipes import recipe_named

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures" / "overfit"


def overfitted_checkpoint(cache: Path = ROOT / ".cache" / "overfit", steps: int = 500) -> Path:
    """The checkpoint's folder, trained (in about a minute) where it is not there yet.

    Each state of the fixtures and of the training code has its own, so that none is stale.
    """
    output = cache / _fingerprint(steps) / "checkpoint"
    if not (output / "README.md").is_file():
        recipe = replace(recipe_named("toy"), steps=steps, minutes=10)
        work = output.with_name(f"work-{os.getpid()}")
        place = Workplace(work, output, (local_package(FIXTURES),), torch.device("cpu"))
        quiet = Reporter(lambda sentence: None, lambda line, share: None)
        make_checkpoint(recipe, place, Contamination.of([]), quiet)
    return output


def _fingerprint(steps: int) -> str:
    digest = hashlib.sha256(str(steps).encode())
    for folder in (FIXTURES, ROOT / "dgls" / "training", ROOT / "dgls" / "canvas"):
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
