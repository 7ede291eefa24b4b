"""An animation of a real terminal: its frames with their timing, in one looping SVG."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.text import Text

from tests.editors.picture import FORMAT, console
from tests.editors.tmux import Pane

FRAME_S = 0.05
HOLD_S = 3.0
"""How many seconds the last frame stays."""

CELL, ROW = 12.2, 24.4
"""A terminal cell in the library's pictures, in their units."""

_FRAMES = "<!-- frames -->"
_AROUND = re.sub(r"\{backgrounds\}.*\{matrix\}\s*</g>", _FRAMES, FORMAT, flags=re.DOTALL)
_FRAME = """
<g class="frame" style="animation-name: {unique_id}">
<style>{styles}</style><defs>{lines}</defs>
{backgrounds}<g class="terminal-matrix">{matrix}</g>
</g>"""
_CURSOR = '<rect x="{x:.1f}" y="{y:.1f}" width="2" height="22" fill="#c5c8c6"/>'


@dataclass(frozen=True, slots=True)
class Frame:
    """What the terminal shows from `start_s` on, and its cursor, in cells."""

    start_s: float
    colours: str
    cursor: tuple[int, int]


class Recording:
    """Checks a terminal every `FRAME_S` inside the context, and keeps changed frames."""

    def __init__(self, pane: Pane) -> None:
        self._pane = pane
        self._frames: list[Frame] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def write(self, path: Path, title: str) -> None:
        """Write the frames with their timing as a looping SVG."""
        total_s = self._frames[-1].start_s + HOLD_S
        ends = [after.start_s for after in self._frames[1:]] + [total_s]
        picture = "".join(
            _drawn(frame, f"f{number}", end_s, total_s)
            for number, (frame, end_s) in enumerate(zip(self._frames, ends, strict=True))
        )
        first = console()
        first.print(Text.from_ansi(self._frames[0].colours), end="")
        around = first.export_svg(title=title, code_format=_AROUND, unique_id="terminal")
        style = f".frame {{ visibility: hidden; animation: {total_s:.2f}s step-end infinite; }}"
        whole = around.replace(_FRAMES, f"<style>{style}</style>{picture}")
        path.write_text(whole, encoding="utf-8")

    def _look(self) -> None:
        begun = time.monotonic()
        while not self._over.is_set():
            frame = Frame(time.monotonic() - begun, self._pane.colours(), self._pane.cursor())
            last = self._frames[-1] if self._frames else None
            if last is None or (last.colours, last.cursor) != (frame.colours, frame.cursor):
                self._frames.append(frame if last else Frame(0.0, frame.colours, frame.cursor))
            self._over.wait(FRAME_S)


def _drawn(frame: Frame, name: str, end_s: float, total_s: float) -> str:
    """One frame, visible from its start to its end."""
    drawing = console()
    drawing.print(Text.from_ansi(frame.colours), end="")
    shown = drawing.export_svg(code_format=_FRAME, unique_id=name)
    column, row = frame.cursor
    cursor = _CURSOR.format(x=column * CELL, y=row * ROW + 2.5)
    start, end = (100 * moment / total_s for moment in (frame.start_s, end_s))
    steps = f"{start:.3f}% {{ visibility: visible; }} {end:.3f}% {{ visibility: hidden; }}"
    hidden = "0% { visibility: hidden; } " if frame.start_s else ""
    keyframes = f"<style>@keyframes {name} {{ {hidden}{steps} }}</style>"
    return keyframes + shown.removesuffix("</g>") + cursor + "</g>"
