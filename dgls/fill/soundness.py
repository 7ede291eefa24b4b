"""Whether a candidate may be shown, as far as the engine can tell.

The editor's side knows the whole document and the purpose of the fill, and checks again. Here the
check decides which candidates rank first.
"""

from __future__ import annotations

from collections.abc import Sequence

from dgls.fill.ranking import single_gap
from dgls.protocol import FillRequest, Trigger
from dgls.sound.clean import sound
from dgls.sound.site import Purpose, Site, Wanted
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.spans import Span


class Soundness:
    """Judges the candidates of one request, each once."""

    def __init__(self, request: FillRequest) -> None:
        self._known: dict[tuple[str, ...], bool] = {}
        self.site = site_of(request) if len(request.gaps) == 1 else None

    def __call__(self, texts: tuple[str, ...]) -> bool:
        """Whether part of each text may be shown, or no text fills anything anyway."""
        if texts not in self._known:
            self._known[texts] = self._judged(texts)
        return self._known[texts]

    def _judged(self, texts: Sequence[str]) -> bool:
        if self.site is not None:
            return sound(self.site, texts[0]).shown
        # Texts of several gaps may depend on each other; the front-end judges them together.
        return any(map(str.strip, texts))


def site_of(request: FillRequest, *, unfinished: bool = False) -> Site:
    """The site of a request's only gap, in the part of the document that the request holds.

    It is `unfinished` if other gaps of the document are still open.
    """
    alone = single_gap(request, 0, ())
    above, below = (wide or near for wide, near in zip(alone.around, alone.parts, strict=True))
    (gap,) = request.gaps
    source = Source.parse(above + gap.text + below, language_named(request.language))
    purpose = Purpose.AUTOMATIC if request.trigger is Trigger.AUTOMATIC else Purpose.EXPLICIT
    if gap.text.strip():
        purpose = Purpose.REWRITE
    span = Span(len(above), len(above) + len(gap.text))
    return Site.of(source, span, Wanted(purpose, gap.max_lines, unfinished=unfinished))
