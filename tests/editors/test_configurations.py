"""The configurations for editors name every language that dgls reads."""

from __future__ import annotations

import re
import tomllib

import pytest

from dgls.syntax.languages import LANGUAGES, Known
from tests.editors.home import ROOT


def helix_languages() -> set[str]:
    """The languages for which the file for Helix names dgls."""
    text = (ROOT / "editors" / "helix" / "languages.toml").read_text(encoding="utf-8")
    languages = tomllib.loads(text)["language"]
    return {each["name"] for each in languages if "dgls" in each["language-servers"]}


def neovim_filetypes() -> set[str]:
    """The file types of the configuration for Neovim."""
    text = (ROOT / "editors" / "neovim" / "lsp" / "dgls.lua").read_text(encoding="utf-8")
    listed = re.search(r"filetypes = \{(.*?)\}", text, flags=re.DOTALL)
    assert listed is not None
    return set(re.findall(r"'(\w+)'", listed[1]))


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_each_language_is_listed(language: Known) -> None:
    assert helix_languages() & set(language.ids)
    assert neovim_filetypes() & set(language.ids)


def test_the_server_knows_each_listed_name() -> None:
    known = {name for language in LANGUAGES for name in language.ids}
    assert helix_languages() <= known
    assert neovim_filetypes() <= known
