"""The length of the documentation's pages, and that each is on the site."""

from __future__ import annotations

import re
from math import ceil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SCREEN, WIDTH = 60, 120
"""Lines and columns of a screen."""

NAVIGATION = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
GUIDES, _, REFERENCE = NAVIGATION.partition("- Reference:")
"""The pages to read from start to end, and those to look things up in."""


def pages(navigation: str) -> list[str]:
    """The pages of the folder `docs` in a part of the navigation."""
    named = re.findall(r": (\S+\.md)$", navigation, re.MULTILINE)
    return [name for name in named if (DOCS / name).is_file()]


def lines_shown(page: str) -> int:
    """How many lines of `WIDTH` columns a page takes."""
    unseen = re.compile(r"```|[|:\- ]+$")
    lines = [line for line in page.splitlines() if not line or not unseen.match(line)]
    return sum(max(1, ceil(len(re.sub(r"\]\([^)]*\)", "", line)) / WIDTH)) for line in lines)


@pytest.mark.parametrize("name", ["../README.md", *pages(GUIDES)])
def test_a_guide_fits_two_screens_and_an_editors_page_one(name: str) -> None:
    screens = 1 if re.match(r"editors/(?!README)", name) else 2
    assert lines_shown((DOCS / name).read_text(encoding="utf-8")) <= screens * SCREEN


def test_every_page_is_on_the_site() -> None:
    found = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert found == {*pages(GUIDES), *pages(REFERENCE)}
