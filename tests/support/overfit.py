"""A checkpoint that the real training code has overfitted on `fixtures/overfit`.

Tests of editors need a model that is sure of itself; an ordinary model of this size would rightly
stay silent. It is trained once and kept in the ignored cache folder of the checkout. It has
memorized every line of the fixtures that begins after its indentation.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import torch

from dgls.file_lock import FileLock
from dgls.lab.evaluation.contamination import Contamination
from dgls.lab.training.examples import Sampling
from dgls.lab.training.fetch import local_package
from dgls.lab.training.gaps import GapOdds
from dgls.lab.training.pipeline import Reporter, Workplace, make_checkpoint
from dgls.lab.training.recipes import Shape, recipe_named

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures" / "overfit"

SHAPE = Shape(512, hidden=96, layers=3, heads=3, kv_heads=1, head_dim=32, ffn=256, window=192)

# Only whole lines and blocks: a model this small cannot learn every half-typed word.
SAMPLING = Sampling(
    windows=(192,),
    widths=(32, 64),
    path_odds=0.6,
    gap_odds=GapOdds(line_end=0, whole_line=0.6, inside_line=0, lines=0.4, node=0, several=0),
)


def overfitted_checkpoint(cache: Path = ROOT / ".cache" / "overfit", steps: int = 350) -> Path:
    """The checkpoint's folder, trained (in about a minute on a free core) if it does not exist.

    Each state of the fixtures and of the training code has its own, so that none is stale. If
    another process trains it, that one is waited for.
    """
    output = cache / _fingerprint(steps) / "checkpoint"
    output.parent.mkdir(parents=True, exist_ok=True)
    while (lock := FileLock.acquire(output.with_name("lock"))) is None:
        time.sleep(0.5)
    if not (output / "README.md").is_file():
        recipe = replace(
            recipe_named("toy"), steps=steps, minutes=60, shape=SHAPE, sampling=SAMPLING
        )
        work = output.with_name(f"work-{os.getpid()}")
        place = Workplace(work, output, (local_package(FIXTURES),), torch.device("cpu"))
        quiet = Reporter(lambda sentence: None, lambda line, share: None)
        make_checkpoint(recipe, place, Contamination.of([]), quiet)
        shutil.rmtree(work)
    lock.release()
    return output


def _fingerprint(steps: int) -> str:
    digest = hashlib.sha256(str(steps).encode())
    for folder in (FIXTURES, ROOT / "dgls" / "lab" / "training", ROOT / "dgls" / "canvas"):
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
