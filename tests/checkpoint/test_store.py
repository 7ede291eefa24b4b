"""When a model counts as complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgls.checkpoint.fetch.get import get
from dgls.checkpoint.fetch.given import GivenFile
from dgls.checkpoint.machine_fit import MachineFit, fit_of
from dgls.checkpoint.record import RECORD_FILE
from dgls.checkpoint.registry import find
from dgls.checkpoint.store import models_folder, partial_bytes, path_of, present
from dgls.checkpoint.writing import remove
from dgls.config import Settings, changed, resolve
from dgls.errors import ModelNotFoundError
from dgls.rendezvous.endpoint import absolute
from tests.support.models import DATA, FOLDER, PINNED, Heard


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    given = tmp_path / "elsewhere.gguf"
    given.write_bytes(DATA)
    return get(PINNED, [GivenFile(given)], Heard())


def test_no_model_is_present_before_it_is_fetched() -> None:
    assert present() == ()
    assert path_of("toy") is None


def test_a_fetched_model_is_its_file(fetched: Path) -> None:
    assert path_of("toy") == fetched == models_folder() / "toy" / "toy.gguf"
    assert present() == (PINNED,)


@pytest.mark.parametrize("broken", ["cut", "other", "no record", "bad record"])
def test_a_file_changed_since_its_record_does_not_count(fetched: Path, broken: str) -> None:
    record = fetched.parent / RECORD_FILE
    if broken == "cut":
        fetched.write_bytes(DATA[:-1])
    elif broken == "other":
        record.write_text(record.read_text().replace(PINNED.sha256, "0" * 64))
    elif broken == "no record":
        record.unlink()
    else:
        record.write_text("{")
    assert path_of("toy") is None
    assert present() == ()


def test_a_folder_in_the_working_directory_is_never_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    settings = changed(Settings(), {"model.name": "toy"})
    assert path_of("toy") is None
    assert absolute(settings).model.name == "toy"
    with pytest.raises(ModelNotFoundError, match="dgls model get toy"):
        find("toy")


def test_a_fetched_model_is_found_by_its_name(fetched: Path) -> None:
    assert find("toy") == fetched


def test_the_models_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DGLS_MODELS", "here")
    assert models_folder() == tmp_path / "here"
    monkeypatch.delenv("DGLS_MODELS")
    assert models_folder().is_absolute()


def test_the_variable_of_the_models_folder_is_not_read_as_a_setting() -> None:
    assert resolve(environment={"DGLS_MODELS": "/models"}, files=()).problems == ()


def test_remove_also_deletes_files_made_from_the_model(fetched: Path) -> None:
    (fetched.parent / "converted.int8").write_bytes(b"x" * 50)
    assert remove(PINNED) > len(DATA)
    assert not fetched.parent.exists()
    assert list(models_folder().iterdir()) == []


def test_removing_a_link_keeps_its_target(tmp_path: Path, models: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "toy.gguf").write_bytes(DATA)
    models.mkdir()
    (models / "toy").symlink_to(tmp_path / "mine")
    remove(PINNED)
    assert (tmp_path / "mine" / "toy.gguf").read_bytes() == DATA
    assert not (models / "toy").exists()


def test_removing_a_missing_model_says_so(models: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="nothing was removed"):
        remove(FOLDER)
    assert not models.exists()


@pytest.mark.parametrize(
    ("fit", "problem"),
    [
        (MachineFit(10**9, 2 * 10**9, 10**9, 2 * 10**9), ""),
        (MachineFit(3 * 10**9, 2 * 10**9, 0, 0), "needs 3.0 GB of memory, 2.0 GB are free"),
        (MachineFit(10**9, 2 * 10**9, 10**9, 10**8), "needs 1.0 GB of disk, 0.1 GB are free"),
        (MachineFit(10**9, 0, 0, 0), ""),
    ],
    ids=["fits", "memory", "disk", "memory unknown"],
)
def test_a_model_that_does_not_fit_says_what_is_missing(fit: MachineFit, problem: str) -> None:
    assert (fit.problem, fit.fits) == (problem, not problem)


def test_a_fetched_model_needs_no_more_disk(fetched: Path) -> None:
    assert fit_of(PINNED, 0).disk == 0
    assert fit_of(FOLDER, 0).disk > FOLDER.bytes
    assert partial_bytes(PINNED) == 0
