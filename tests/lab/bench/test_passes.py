"""`dgls bench passes` on a tiny model: the counts, and that the systems agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgls.errors import InputError
from dgls.inference.causal_model import Drafting
from dgls.inference.mask_drafts import MaskDrafts
from dgls.lab.bench.passes import SYSTEMS, as_json, gaps_of, markdown, passes
from tests.support.adapters import random_adapter
from tests.support.qwen2 import TOKENS, tiny_causal

FOLDER = Path(__file__).parents[3] / "dgls" / "diffusion"
FIELDS = {"system", "tokens_per_pass", "ms_per_fill_p50", "same_as_greedy", "gaps"}


def test_every_system_writes_the_same_text_as_plain_decoding() -> None:
    model = tiny_causal()
    model.masks = MaskDrafts(model.network, random_adapter(model.network.config, TOKENS))
    cases = gaps_of([FOLDER], 6, seed=1)
    figures = passes(model, cases, lambda _: None)
    assert [each.system for each in figures] == list(SYSTEMS)
    assert model.drafting == Drafting()
    for each in figures:
        assert (each.same_as_greedy + each.near_ties, each.gaps) == (6, 6)
        assert each.tokens_per_pass >= 1
    assert figures[0].tokens_per_pass == 1
    written = as_json(figures, "tiny")["systems"]
    assert all(set(each) >= FIELDS for each in written)
    assert markdown(figures).count("\n") == 2 + len(SYSTEMS)


def test_without_an_adapter_the_others_are_measured() -> None:
    figures = passes(tiny_causal(), gaps_of([FOLDER], 2, seed=1), lambda _: None)
    assert [each.system for each in figures] == ["plain", "look-up"]


def test_a_run_out_of_time_reports_what_it_measured() -> None:
    cases = gaps_of([FOLDER], 4, seed=1)
    figures = passes(tiny_causal(), cases, lambda _: None, minutes=-1)
    assert [each.gaps for each in figures] == [0, 0]


def test_folders_take_turns() -> None:
    folders = [FOLDER, FOLDER.parent / "text"]
    cases = gaps_of(folders, 4, seed=1)
    assert all((folders[n % 2] / case.path).is_file() for n, case in enumerate(cases))


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(InputError, match="no folder nowhere; nothing was measured"):
        gaps_of([Path("nowhere")], 2, seed=1)
