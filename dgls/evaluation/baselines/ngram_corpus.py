"""What the n-gram baseline counts: source that holds none of the cases."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from dgls.evaluation.contamination import Contamination
from dgls.evaluation.source_tree import read_sources

MOST_CHARS = 20_000_000
"""More text helps trigrams little and takes long to count."""


def corpus_texts(where: Path | None, cases: Iterable[str]) -> Iterator[str]:
    """The sources of a folder or file, by default Python's own library, up to `MOST_CHARS`.

    `cases` are the true documents of the cases; a file that holds one, or nearly, is left out.
    """
    guard = Contamination.of(cases)
    chars = 0
    for source in read_sources(where or Path(sysconfig.get_paths()["stdlib"])):
        if chars + len(source.text) > MOST_CHARS:
            return
        if not guard.matches(source.text):
            chars += len(source.text)
            yield source.text
