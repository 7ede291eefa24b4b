"""What is left of an answer adds something, at the gap alone; what is refused has a reason."""

from __future__ import annotations

from dgls.sound.clean import sound
from dgls.sound.site import Asked, Purpose, Site
from dgls.sound.verdict import Sound
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from tests.support.marks import read_marks


def verdict(
    marked: str, fill: str, lines: int = 100, purpose: Purpose = Purpose.TYPED, path: str = "a.py"
) -> Sound:
    text, (span,) = read_marks(marked)
    source = Source.parse(text, language_of(path))
    return sound(Site.of(source, span, Asked(purpose, lines)), fill)
