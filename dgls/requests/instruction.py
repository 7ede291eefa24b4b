"""An edit by instruction: the request to the engine, and the edit made of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dgls.config import FillSettings
from dgls.errors import EditError, InputError
from dgls.protocol import FillReply, FillRequest, Limits
from dgls.requests.builder import Asker, Task, budget_of
from dgls.sound.cleaned import Refusal
from dgls.sound.instructed import instructed
from dgls.sound.site import Purpose
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span

MAX_CHARS = 2_000
"""The longest instruction, in characters."""

MAX_CODE = 8_000
"""The most characters of code that one instruction edits."""

DEADLINE_MS = 180_000.0
"""The deadline of an edit; the user watches it and can stop it."""


class Refused(EditError):
    """The answer gave no edit; `reason` says why."""

    def __init__(self, reason: Refusal, names: Sequence[str] = ()) -> None:
        about = f": {', '.join(names)}" if names else ""
        super().__init__(
            f"dgls refused the model's answer ({reason.value}{about}); the code was not changed. "
            "Rephrase the instruction or select less."
        )
        self.reason = reason


@dataclass(frozen=True, slots=True)
class InstructedEdit:
    """One instruction for one selection, whose code is `task.gaps[0]` without outer white space.

    It builds its request and reads the answer.
    """

    task: Task

    @classmethod
    def of(
        cls, source: Source, selected: Span, instruction: str, settings: FillSettings
    ) -> InstructedEdit:
        """The edit of the code in `selected`. Raises `InputError` for an impossible request."""
        told = instruction.strip()
        if not told:
            raise InputError("The instruction is empty; nothing was changed.")
        if len(told) > MAX_CHARS:
            raise InputError(
                f"The instruction has {len(told)} characters, more than {MAX_CHARS}; nothing was "
                "changed. Shorten it."
            )
        code = selected.of(source.text)
        if not code.strip():
            raise InputError(
                "The selection has no code; nothing was changed. Select the code to edit."
            )
        if len(code) > MAX_CODE:
            raise InputError(
                f"The selection has {len(code)} characters, more than {MAX_CODE}; "
                f"nothing was changed. Select less."
            )
        start = selected.start + len(code) - len(code.lstrip())
        span = Span(start, start + len(code.strip()))
        task = Task.at(source, [span], budget_of(settings), Purpose.REWRITE, lines=1)
        return cls(replace(task, instruction=told))

    def request(self, asker: Asker) -> FillRequest:
        """The request to the engine, without neighbours, which a small model would copy."""
        return self.task.request(replace(asker, snippets=()), Limits(DEADLINE_MS, 1))

    def edit(self, reply: FillReply) -> Edit:
        """The edit given by the model's answer. Raises `Refused` with the reason if it has none."""
        source, (span,) = self.task.source, self.task.gaps
        found = instructed(source, span, reply.best.texts[0], reply.complete)
        if found.refusal is not None:
            raise Refused(found.refusal, found.names)
        return Edit(span, self.task.context.for_document(found.text))
