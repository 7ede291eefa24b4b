"""Which model `auto` selects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dgls.checkpoint import automatic_model
from dgls.checkpoint.automatic_model import PARAMETERS_A_CORE, automatic, why_automatic
from dgls.checkpoint.catalogue import Entry
from dgls.checkpoint.fetch.get import get
from dgls.checkpoint.fetch.given import GivenFile
from dgls.checkpoint.named import resolved
from tests.support.models import DATA, PINNED, Heard

SMALL = replace(PINNED, name="small", parameters=PARAMETERS_A_CORE // 2)
LARGE = replace(PINNED, name="large", parameters=2 * PARAMETERS_A_CORE)
HUGE = replace(PINNED, name="huge", parameters=90 * PARAMETERS_A_CORE)


@pytest.mark.parametrize(
    ("here", "cores", "chosen", "why"),
    [
        ([], 2, "embedded", "no laptop model has been fetched"),
        ([SMALL], 1, "small", "keeps up with typing"),
        ([SMALL, LARGE], 2, "large", "keeps up with typing"),
        ([LARGE, SMALL], 1, "small", "large would be too slow"),
        ([HUGE], 2, "embedded", "too slow"),
        ([HUGE, SMALL], 2, "small", "huge would be too slow"),
    ],
)
def test_the_largest_fetched_model_that_is_quick_enough_is_chosen(
    monkeypatch: pytest.MonkeyPatch, here: list[Entry], cores: int, chosen: str, why: str
) -> None:
    monkeypatch.setattr(automatic_model, "present", lambda: tuple(here))
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert automatic() == chosen
    assert why in why_automatic()


def test_a_model_is_offered_only_where_it_is_quick_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automatic_model, "present", tuple)
    monkeypatch.setattr(automatic_model, "catalogue", lambda: (HUGE, LARGE))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert "dgls model get large " in automatic_model.offer()
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert automatic_model.offer() == ""


def test_a_fetched_models_file_is_the_same_model_by_its_path(tmp_path: Path) -> None:
    """Otherwise each way to name it would convert the weights again."""
    given = tmp_path / "elsewhere.gguf"
    given.write_bytes(DATA)
    place = get(PINNED, [GivenFile(given)], Heard())
    assert resolved(str(place)).identity == resolved(PINNED.name).identity == PINNED.sha256
    assert resolved(str(given)).identity != PINNED.sha256


def test_auto_is_the_embedded_model_if_nothing_was_fetched() -> None:
    assert resolved("auto") == resolved("embedded")
    assert not resolved("auto").causal
