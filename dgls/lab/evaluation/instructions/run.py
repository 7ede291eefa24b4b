"""Asks a model for each edit and checks the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from dgls.config import FillSettings
from dgls.lab.evaluation.execution import run_program
from dgls.lab.evaluation.instructions.cases import InstructionCase
from dgls.protocol import FillReply, FillRequest, Limits
from dgls.requests.builder import Asker
from dgls.requests.instruction import InstructedEdit, Refused
from dgls.sound.cleaned import Refusal
from dgls.syntax.guard import damage
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text.spans import apply_edits

Ask = Callable[[FillRequest], FillReply]
"""A function that asks a model for an edit."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one edit.

    `refusal` tells why there is no edit, empty if there is one. `parses`: the file has no more
    syntax errors than before. `keeps`: everything outside the selection is unchanged. `right` is
    the test's result, None without a test. `answer` is the model's answer.
    """

    name: str
    language: str
    refusal: str
    parses: bool
    keeps: bool
    right: bool | None
    seconds: float
    tokens: int
    passes: int
    answer: str


def judged(cases: Sequence[InstructionCase], ask: Ask) -> Iterator[Verdict]:
    """The verdict on each case, in order."""
    for case in cases:
        yield _judged(case, ask)


def _judged(case: InstructionCase, ask: Ask) -> Verdict:
    source = Source.parse(case.text, language_of(case.path, None))
    asked = InstructedEdit.of(source, case.span, case.instruction, FillSettings())
    request = asked.request(Asker(method="eval", path=case.path))
    began = time.monotonic()
    # Without a deadline, so that results do not depend on the load of the machine.
    reply = ask(replace(request, limits=Limits()))
    seconds = time.monotonic() - began

    def verdict(refusal: str, right: bool | None, *, parses: bool, keeps: bool) -> Verdict:
        language, best = source.language.id, reply.best
        cost = (seconds, best.tokens, reply.passes)
        return Verdict(
            case.name, language, refusal, parses, keeps, right, *cost, answer=best.texts[0]
        )

    untested = None if not case.test else False
    try:
        edit = asked.edit(reply)
    except Refused as refused:
        return verdict(
            str(refused.reason.value), untested, parses=refused.reason not in _NO_CODE, keeps=True
        )
    after = apply_edits(case.text, [edit])
    before_it, after_it = case.text[: case.span.start], case.text[case.span.end :]
    keeps = after.startswith(before_it) and after.endswith(after_it)
    new, old = damage(Source.parse(after, source.language)), damage(source)
    edited = after[len(before_it) : len(after) - len(after_it)]
    right = run_program(case.program(edited)).passed if case.test else None
    return verdict("", right, parses=new.faults <= old.faults, keeps=keeps)


_NO_CODE = {Refusal.BROKEN, Refusal.NO_BLOCK, Refusal.CUT_OFF, Refusal.EMPTY}
"""Refusals of answers that are not parsable code."""
