"""Pictures of a real terminal for the documentation, drawn when `DGLS_PICTURES=1` asks for them."""

from __future__ import annotations

import io
import os
import re

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from tests.editors.home import ROOT
from tests.editors.tmux import WIDTH, Pane

PICTURES = ROOT / "docs" / "editors"

# The library's own format loads a font over the network.
_FORMAT = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code", "ui-monospace, Menlo, Consolas"
)


def draw(pane: Pane, name: str, title: str) -> None:
    """Write what the pane shows to `docs/editors/NAME.svg`, if pictures are asked for."""
    if os.environ.get("DGLS_PICTURES") != "1":
        return
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text.from_ansi(pane.colours()), end="")
    picture = console.export_svg(title=title, code_format=_FORMAT, unique_id=name)
    (PICTURES / f"{name}.svg").write_text(picture, encoding="utf-8")
