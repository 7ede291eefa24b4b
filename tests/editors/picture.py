"""Pictures of a real terminal for the documentation, redrawn by `make pictures`."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from tests.editors.home import ROOT
from tests.editors.tmux import WIDTH, Pane

EDITORS = ROOT / "docs" / "editors"
"""The folder of the editors' pictures."""

# The library's own format loads a font over the network.
FORMAT = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code", "ui-monospace, Menlo, Consolas"
)


def are_pictures_wanted() -> bool:
    """Whether this run redraws the pictures: `DGLS_PICTURES=1`."""
    return os.environ.get("DGLS_PICTURES") == "1"


def draw(pane: Pane, path: Path, title: str) -> None:
    """Write the pane's content to an SVG file, if pictures are wanted."""
    if not are_pictures_wanted():
        return
    drawing = console()
    drawing.print(Text.from_ansi(pane.colours()), end="")
    picture = drawing.export_svg(title=title, code_format=FORMAT, unique_id=path.stem)
    path.write_text(picture, encoding="utf-8")


def console() -> Console:
    """A terminal of the panes' width that is drawn instead of shown."""
    return Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
