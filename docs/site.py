"""What `make docs` adds to the pages of this folder: the README, the model card, the changes."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
CARD = "dgls/checkpoint/embedded"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is linked from outside of this folder."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "index.md", content=_of_the_site(readme)))
    for name in (f"{CARD}/README.md", f"{CARD}/loss.svg", "CHANGELOG.md", "NOTICE"):
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page with its links to other folders turned to where they are on the site."""
    return markdown.replace(f"](../{CARD}/", f"]({CARD}/")


def _of_the_site(readme: str) -> str:
    return re.sub(r"\]\(docs/", "](", readme)
