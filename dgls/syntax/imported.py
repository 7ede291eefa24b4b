"""The local files that a source imports."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from dgls.syntax.source import Source

# Imports are searched in this many characters at the head of a file.
_IMPORT_CHARS = 8_000


def imported_files(source: Source, path: Path, roots: Sequence[Path]) -> Iterator[Path]:
    """The files that a source at `path` imports from its own folder or below the `roots`.

    Only existing files, in the order of the imports, each once.
    """
    language, found = source.language, {path}
    for match in language.imported.finditer(source.text, 0, _IMPORT_CHARS):
        name = next((group for group in match.groups() if group), "")
        if language.module_separator:
            name = name.strip(language.module_separator).replace(language.module_separator, "/")
        for folder in (path.parent, *roots):
            for template in language.module_files:
                file = Path(os.path.normpath(folder / template.format(name)))
                if name and file not in found and file.is_file():
                    found.add(file)
                    yield file
