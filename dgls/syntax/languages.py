"""The languages that dgls reads, and which of them a file is written in."""

from __future__ import annotations

import re

from dgls.errors import LanguageError
from dgls.syntax.language import Language
from dgls.syntax.python import PYTHON

__all__ = ["LANGUAGES", "Language", "language_of"]

LANGUAGES: tuple[Language, ...] = (PYTHON,)


def language_of(path: str, language_id: str | None = None) -> Language:
    """The language of a file, by the editor's `language_id` where it gave one, else by its name.

    Raises `LanguageError` that names what is supported.
    """
    for language in LANGUAGES:
        if language_id == language.id if language_id else _is_named(path, language):
            return language
    what = f"the language {language_id!r}" if language_id else f"the file {path!r}"
    known = ", ".join(f"{each.name} ({', '.join(each.suffixes)})" for each in LANGUAGES)
    raise LanguageError(f"dgls has no grammar for {what}, so nothing was done; it reads {known}.")


def _is_named(path: str, language: Language) -> bool:
    filename = re.split(r"[\\/]", path)[-1]
    return filename in language.filenames or filename.lower().endswith(language.suffixes)
