"""The rules: each finds other places that an edit concerns, with the new text and the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dgls.edits.rules.blocks import same_lines
from dgls.edits.rules.calls import same_argument
from dgls.edits.rules.imports import imports
from dgls.edits.rules.keys import same_key
from dgls.edits.rules.modules import moved_module
from dgls.edits.rules.names import renamed
from dgls.edits.rules.shape import same_edit
from dgls.edits.rules.types import same_form
from dgls.edits.rules.words import same_word
from dgls.edits.state import Offer, State

RULES: tuple[Callable[[State], Iterable[Offer]], ...] = (
    renamed,
    same_argument,
    same_key,
    moved_module,
    imports,
    same_form,
    same_lines,
    same_edit,
    same_word,
)
"""From the most to the least certain: at one place the first rule wins."""
