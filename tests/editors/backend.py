"""A backend for tests of an editor: it knows the whole of one file and fills what is missing."""

from __future__ import annotations

from dgls.config import Settings
from dgls.fill.stop import StopToken
from dgls.protocol import Fill, FillReply, FillRequest, OnDraft, OnProgress

WHOLE = '''ANSWER = 42


def square_area(side):
    """Return the area of a square."""
    return side * side
'''


class Oracle:
    """Fills a gap with what follows its line's head in `WHOLE`, as many lines as it may have.

    On a line without a head it is the last line of all. Who wants several candidates gets the
    first word alone as the second one. What may change only in part says how much after it.
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
    """The backend that `engine.backend = "tests.editors.backend:oracle"` chooses."""
    return Oracle()
