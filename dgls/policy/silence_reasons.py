"""The reasons for silence, by the name under which each is counted and shown.

The decisions are made in `dgls.lsp.rules`, `dgls.policy.ask` and `dgls.policy.show`.
"""

from __future__ import annotations

from enum import Enum


class Silence(Enum):
    """A reason to ask nothing or to show nothing. The value is the text shown to users."""

    OFF = "suggestions are switched off"
    SNOOZED = "suggestions are paused"
    LANGUAGE_OFF = "suggestions are switched off for this language"
    FILE_OFF = "suggestions are switched off for this file"
    UNTRUSTED = "the workspace is not trusted"
    SECRET = "the file may contain secrets"
    IGNORED = "the file is ignored by git"
    UNREADABLE = "an ignore file of its repository cannot be read"
    OUTSIDE = "the file is outside the workspace"
    UNTRAINED = "the model was not trained on this language"
    DELETED = "you have just deleted the suggestion"
    INSIDE_WORD = "the cursor is inside a word"
    UNSURE = "the model is not sure enough"
    LATE = "the model did not finish within the time limit"
    EMPTY = "the model suggests nothing new"
    CLOSERS = "the suggestion is only closing brackets"
    REPEATED = "the suggestion repeats the line above"
    BAD_WORD = "the suggestion does not complete the word at the cursor"
    BROKEN = "the suggestion breaks the syntax"
    HOLE = "the suggestion is only a placeholder"

    @property
    def remedy(self) -> str:
        """What the user can do to end it; "" if nothing."""
        return _REMEDIES.get(self, "")


_REMEDIES = {
    Silence.OFF: "show.automatic = true turns them on",
    Silence.SNOOZED: "dgls.resume ends the pause",
    Silence.LANGUAGE_OFF: "see show.languages_off",
    Silence.FILE_OFF: "see show.files_off",
    Silence.UNTRUSTED: "trust the workspace",
    Silence.SECRET: "see privacy.secrets",
    Silence.OUTSIDE: "open the file's folder",
    Silence.LATE: "fill.automatic_deadline_ms sets the limit",
    Silence.UNTRAINED: "another model may know it; see dgls doctor",
}
