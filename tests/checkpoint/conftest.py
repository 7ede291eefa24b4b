"""A models folder and a catalogue for one test; no network and no cache of the user."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from dgls.checkpoint import catalogue
from tests.support.models import FOLDER, PINNED, HubFiles, as_toml, hub
from tests.support.qwen2 import write_folder, write_gguf


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The empty folder of models."""
    listed = tmp_path / "catalogue.toml"
    listed.write_text(as_toml(PINNED, FOLDER))
    monkeypatch.setattr(catalogue, "CATALOGUE_FILE", listed)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("DGLS_MODELS", str(tmp_path / "models"))
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    catalogue.catalogue.cache_clear()
    yield tmp_path / "models"
    catalogue.catalogue.cache_clear()


@pytest.fixture
def hub_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubFiles]:
    """The hub's files; the hub answers while this fixture is in use."""
    said = HubFiles({})
    with hub(said) as address:
        template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield said


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub answers."""
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        "http://127.0.0.1:9/{repo_id}/{revision}{filename}",
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A folder with the model in each form; tests copy what they change."""
    folder = tmp_path_factory.mktemp("qwen2")
    write_gguf(folder / "tiny.gguf")
    write_folder(folder / "tiny")
    return folder


@pytest.fixture
def gguf(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy2(written / "tiny.gguf", tmp_path))
