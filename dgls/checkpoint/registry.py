"""Resolves model names to checkpoints on this machine; nothing is downloaded here."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from huggingface_hub import constants, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError

from dgls.checkpoint.automatic_model import EMBEDDED
from dgls.checkpoint.catalogue import catalogue, is_listed
from dgls.checkpoint.files import CONFIG_FILE
from dgls.checkpoint.store import path_of
from dgls.config import is_path
from dgls.errors import ModelNotFoundError
from dgls.files import expanded
from dgls.text.closest import closest, did_you_mean

_EMBEDDED_FOLDER = Path(__file__).parent / EMBEDDED


def find(name: str) -> Path:
    """The checkpoint folder of `embedded`, of a path, or of a name in the Hugging Face cache.

    A catalogue name (`dgls model list`) gives its fetched file or folder; a path is absolute or
    written `./...`, see `dgls.config.is_path`. Raises `ModelNotFoundError` for anything else.
    """
    if name == EMBEDDED:
        return _existing(_EMBEDDED_FOLDER, "This installation of dgls lacks its embedded model")
    if is_listed(name):
        return _fetched(name)
    if is_path(name):
        folder = expanded(name)
        return _existing(folder, f"No checkpoint is in {folder}")
    return _cached(name)


def name_of(folder: Path) -> str:
    """A checkpoint's name for users: that in the Hugging Face cache, or its folder's."""
    if folder.parent.name != "snapshots":
        return folder.name
    # A cached repository's folder is called models--owner--name.
    return "/".join(folder.parents[1].name.split("--")[1:])


def _existing(folder: Path, problem: str) -> Path:
    if not (folder / CONFIG_FILE).is_file():
        raise ModelNotFoundError(
            f"{problem}: there is no {folder / CONFIG_FILE}; nothing was loaded. Give a folder "
            f"that `dgls train` wrote, or a name in the Hugging Face cache."
        )
    return folder.resolve()


def _fetched(name: str) -> Path:
    """A model of the catalogue; a folder of that name in the working directory does not count."""
    if (place := path_of(name)) is None:
        raise ModelNotFoundError(
            f"{name} is not on this machine; nothing was loaded. Fetch it: dgls model get {name}"
        )
    return place


def _cached(name: str) -> Path:
    """The snapshot in the Hugging Face cache: that of the last download of the main branch."""
    try:
        found = try_to_load_from_cache(name, CONFIG_FILE, _cache_folder())
    except (HFValidationError, OSError, UnicodeError) as error:
        raise ModelNotFoundError(
            f"{name[:200]!r} is not the name of a model; nothing was loaded.{_hint(name)}"
        ) from error
    if not isinstance(found, str) and "/" not in name:
        raise ModelNotFoundError(
            f"There is no model {name!r}; nothing was loaded.{_meant(name)} dgls model list "
            f"shows those to fetch; write any other as owner/name.{_hint(name)}"
        )
    if not isinstance(found, str):
        raise ModelNotFoundError(
            f"There is no model {name} in the Hugging Face cache; nothing was loaded. Download it "
            f"first: hf download {name}{_hint(name)}"
        )
    return Path(found).parent


def _cache_folder() -> str:
    """The path of the Hugging Face cache, never in the working folder."""
    folder: str = constants.HF_HUB_CACHE
    if not Path(folder).is_absolute():
        raise ModelNotFoundError(
            f"The folder of the Hugging Face cache, {folder!r}, is not an absolute path; "
            "nothing was loaded. Correct HF_HOME, HF_HUB_CACHE or XDG_CACHE_HOME; an empty "
            "value is relative."
        )
    return folder


def _meant(name: str) -> str:
    return did_you_mean(closest(name, (entry.name for entry in catalogue())))


def _hint(name: str) -> str:
    """What to write instead if a file or folder of that name was meant."""
    with suppress(OSError, ValueError):
        if name and Path(name).exists():
            return f" To use the folder or file here, write ./{name}"
    return ""
