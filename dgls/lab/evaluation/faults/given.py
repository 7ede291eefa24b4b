"""What is left of given answers: only the rules, without a model."""

from __future__ import annotations

from dgls.canvas.copies import copies
from dgls.engine.dialects.question import Question
from dgls.lab.evaluation.faults.cases import FaultCase
from dgls.lab.evaluation.faults.places import question_of, site_of
from dgls.protocol import Fill, FillReply
from dgls.sound.alike import distinct
from dgls.sound.clean import sound
from dgls.syntax.languages import language_named

_MAX_COPIES = 8


def what_is_wrong(case: FaultCase) -> str:
    """What is wrong with the rest of a case's answers; "" if nothing."""
    left = left_of(case)
    if case.copies:
        missing = [each for each in case.left if each not in left]
        run_on = [each for each in left if case.never in each]
        return f"missing {missing}" if missing else f"too long: {run_on}" if run_on else ""
    if case.way and question_of(case).language.id != case.language:
        return f"read as {question_of(case).language.id}"
    return "" if left == case.left else f"left {list(left)} instead of {list(case.left)}"


def left_of(case: FaultCase) -> tuple[str, ...]:
    """What may be shown of a case's answers, in order."""
    if case.copies:
        return _copied(case)
    if case.way:
        return _told(question_of(case), case.answers)
    site = site_of(case)
    found = (sound(site, answer, case.score) for answer in case.answers)
    return distinct(each.text for each in found if each.shown)


def _copied(case: FaultCase) -> tuple[str, ...]:
    gap, text = case.gap, case.text
    language = language_named(case.language)
    found = copies(text[: gap.start], text[gap.end :], _MAX_COPIES, case.lines, language)
    return tuple(each.text for each in found)


def _told(question: Question, answers: tuple[str, ...]) -> tuple[str, ...]:
    reply = FillReply(tuple(Fill((answer,), 0.0, 1.0) for answer in answers), "")
    return tuple(each.text for each in question.completions(reply) if each.text)
