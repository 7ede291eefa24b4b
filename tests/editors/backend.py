"""A backend for tests of editors: it knows one file and fills what is missing."""

from __future__ import annotations

import time

from dgls.config import Settings
from dgls.fill.stop import StopToken
from dgls.protocol import Fill, FillReply, FillRequest, OnDraft, OnProgress

WHOLE = '''ANSWER = 42


def square_area(side):
    """Return the area of a square."""
    return side * side
'''


SLOWLY_S = 3.0


class Oracle:
    """Fills a gap with the text after its line's head in `WHOLE`, up to the allowed lines.

    On a line without a head this is the last line of all. With several candidates the second one is
    only the first word. If the text may change only in part, the answer names the strength. A file
    with the comment `# slowly` is filled slowly.
    """

    concurrency = 1

    @property
    def name(self) -> str:
        return "oracle"

    def load(self, progress: OnProgress) -> None:
        progress(1.0, "loaded")

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        if "# slowly" in request.parts[0]:
            time.sleep(SLOWLY_S)
        head = request.parts[0].rpartition("\n")[2].lstrip()
        lines = request.gaps[0].max_lines or 1
        text = _lines_after(head, lines) if head else WHOLE.splitlines()[-1].strip()
        strength = request.gaps[0].strength
        text = text if strength == 1 else f"{text}  # {strength:g}"
        texts = (text, text.partition(" ")[0])[: request.limits.candidates]
        fills = tuple(Fill((text,), -1.0, 0.9) for text in texts)
        return FillReply(fills, self.name)


def _lines_after(head: str, count: int) -> str:
    return "\n".join(WHOLE.partition(head)[2].splitlines()[:count])


def oracle(settings: Settings) -> Oracle:
    """The backend for `engine.backend = "tests.editors.backend:oracle"`."""
    return Oracle()
