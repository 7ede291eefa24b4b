"""The catalogue: its types, and checks of the shipped data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dgls.checkpoint import catalogue
from dgls.checkpoint.catalogue import Entry, entry_named, is_listed
from dgls.errors import ModelNotFoundError
from tests.support.models import FOLDER, PINNED

SHIPPED = Path(catalogue.__file__).parent / "catalogue.toml"


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> tuple[Entry, ...]:
    monkeypatch.setattr(catalogue, "CATALOGUE_FILE", SHIPPED)
    catalogue.catalogue.cache_clear()
    return catalogue.catalogue()


def test_an_entry_has_the_fields_of_the_file() -> None:
    assert catalogue.catalogue() == (PINNED, FOLDER)
    assert (PINNED.is_pinned, FOLDER.is_pinned) == (True, False)


def test_an_unknown_name_lists_the_known_ones() -> None:
    assert is_listed("toy")
    assert not is_listed("Toy")
    with pytest.raises(ModelNotFoundError, match="toy, toy-base"):
        entry_named("qwen")


def test_the_parts_of_a_shipped_file_make_up_its_bytes(shipped: tuple[Entry, ...]) -> None:
    files = [file for entry in shipped for file in entry.files if file.parts]
    assert len(files) == 2
    for file in files:
        assert sum(part.bytes for part in file.parts) == file.bytes
        assert all(re.fullmatch("[0-9a-f]{64}", part.sha256) for part in file.parts)


def test_only_pinned_models_have_parts_on_the_package_index(
    shipped: tuple[Entry, ...],
) -> None:
    for entry in shipped:
        assert entry.licence == "Apache-2.0"
        assert entry.is_pinned == (entry.revision != "main")
        assert entry.is_pinned == any(file.parts for file in entry.files)


def test_the_catalogue_names_no_host() -> None:
    assert "://" not in SHIPPED.read_text(encoding="utf-8")
