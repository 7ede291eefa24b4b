"""A run of the canvas recipe: it learns, resumes, and leaves the base unchanged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dgls.checkpoint.adapter import AdapterShape
from dgls.errors import TrainingError
from dgls.lab.training.parallel.base import Base
from dgls.lab.training.parallel.canvas import run_on
from dgls.lab.training.parallel.passes import Drafted, accepted_by_mask, passes_of
from dgls.lab.training.parallel.run import Run, Settings, train
from dgls.lab.training.parallel.run_folder import RunFolder
from tests.lab.training.parallel.tiny import tiny_base, tiny_cuts, tiny_vocabulary

SIZE = AdapterShape(masks=3, rank=4, sampler=32)


def run_in(folder: Path, steps: int, base: Base | None = None, size: AdapterShape = SIZE) -> Run:
    base, cuts = base or tiny_base(), tiny_cuts()
    settings = Settings(
        steps=steps, pool=24, rows=512, lengths=(40,), tokens=13, heldout=6, heldout_length=40
    )
    known = tiny_vocabulary(base, cuts)
    return run_on(base, known, cuts, RunFolder(folder), settings, lambda _: None, size)


def test_the_loss_falls_and_the_base_is_unchanged(tmp_path: Path) -> None:
    base, untouched = tiny_base(), tiny_base()
    said: list[str] = []
    train(replace(run_in(tmp_path, steps=120, base=base), report=said.append))
    sampler = [float(line.split()[5]) for line in said if line.startswith("step")]
    assert sampler[-1] < sampler[0] - 0.4
    for mine, theirs in zip(base.layers, untouched.layers, strict=True):
        assert torch.equal(mine.qkv, theirs.qkv)
        assert torch.equal(mine.down, theirs.down)


def test_an_interrupted_run_resumes_from_its_last_save(tmp_path: Path) -> None:
    first = run_in(tmp_path, steps=4)
    assert train(first).step == 4
    second = run_in(tmp_path, steps=6)
    assert train(second).step == 6
    assert not torch.equal(first.adapter.sampler_out, second.adapter.sampler_out)
    third = run_in(tmp_path, steps=6)
    train(third)
    assert torch.equal(third.adapter.sampler_out, second.adapter.sampler_out)


def test_a_truncated_save_leaves_the_previous_one(tmp_path: Path) -> None:
    train(run_in(tmp_path, steps=2))
    (tmp_path / "state").rename(tmp_path / "state.old")
    (tmp_path / "state.new").mkdir()
    assert train(run_in(tmp_path, steps=3)).step == 3


def test_a_folder_of_another_shape_is_refused_and_kept(tmp_path: Path) -> None:
    train(run_in(tmp_path, steps=1))
    other = run_in(tmp_path, steps=2, size=AdapterShape(masks=2, rank=4, sampler=32))
    with pytest.raises(TrainingError, match="another shape; it was left untouched"):
        train(other)


FILL = (1, 2, 3, 4, 5, 6, 7)
PERFECT = Drafted(FILL, ((2, 3), (3, 4), (4, 5), (5, 6), (6, 7), (7, 9), (9, 9)), ())
WRONG = Drafted(FILL, ((9, 9),) * 7, ())
FIRST_ONLY = Drafted(FILL, tuple((token, 9) for token in (2, 3, 4, 5, 6, 7, 9)), ())


@pytest.mark.parametrize(
    ("drafted", "tree", "passes"),
    [
        pytest.param(PERFECT, True, 3, id="1 3 3"),
        pytest.param(WRONG, True, 7, id="nothing accepted is plain decoding"),
        pytest.param(FIRST_ONLY, True, 4, id="1 2 2 2"),
        pytest.param(PERFECT, False, 3, id="a chain loses nothing while all is right"),
        pytest.param(FIRST_ONLY, False, 5, id="a rejected draft costs the next pass its drafts"),
    ],
)
def test_passes_follow_the_rule_of_acceptance(drafted: Drafted, tree: bool, passes: int) -> None:
    assert passes_of([drafted], tree=tree).passes == passes


def test_acceptance_by_mask_counts_only_places_where_a_token_follows() -> None:
    assert accepted_by_mask([PERFECT]) == (1.0, 1.0)
    assert accepted_by_mask([FIRST_ONLY]) == (1.0, 0.0)
