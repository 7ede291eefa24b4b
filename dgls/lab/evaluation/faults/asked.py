"""What a model shows at the cases' gaps, through the real engine, and what is wrong with it.

The shown text is checked without the rules that produced it: the whole file is parsed before and
after, and the text is compared with what follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from dgls.errors import InputError
from dgls.lab.evaluation.faults.cases import FaultCase, FaultKind
from dgls.lab.evaluation.faults.places import question_of, site_of, source_of, work_of
from dgls.protocol import FillReply, FillRequest, Limits
from dgls.requests.builder import EXPLICIT_CANDIDATES, Asker, Task
from dgls.sound.alike import distinct
from dgls.sound.clean import sound
from dgls.sound.site import Purpose
from dgls.syntax.cursor import Budget
from dgls.syntax.guard import damage
from dgls.syntax.source import Source
from dgls.text.lines import with_line_ends
from dgls.text.spans import Edit, Span

Ask = Callable[[FillRequest], FillReply]

_SUFFIXES = {"python": "py", "javascript": "js", "ruby": "rb", "rust": "rs", "kotlin": "kt"}
_HOLE = re.compile(
    r"\s*(?:pass|\.\.\.|:|raise NotImplementedError\b.*|(?:todo|unimplemented)!\(.*|TODO\(.*\)|"
    r"(?:#|//|--).*|(?:throw|panic|error)\b.*(?:implemented|TODO).*)\s*",
    re.IGNORECASE,
)


def what_is_wrong(case: FaultCase, ask: Ask, answers: Callable[[FaultCase], bool]) -> str:
    """What is wrong with the text that a model shows at a case's gap; "" if nothing.

    `answers` selects the cases that the model can answer: only there silence may be a fault.
    """
    shown = shown_by(case, ask)
    if case.kind is FaultKind.ALIKE and shown != shown_by(case, ask):
        return "other candidates, or another order, for the same question"
    if not shown:
        # A rewrite that is no better than the present text is rightly not offered.
        silent = case.must_show and case.purpose is not Purpose.REWRITE and answers(case)
        return "silent" if silent else ""
    found = (_fault(case, text) for text in shown)
    return next((each for each in found if each), "")


def shown_by(case: FaultCase, ask: Ask) -> tuple[str, ...]:
    """The texts that a model shows at a case's gap, best first."""
    if case.way:
        question = question_of(case)
        found = question.completions(ask(question.request(case.way, Budget())))
        return tuple(each.text for each in found if each.text)
    if case.purpose in (Purpose.HOLE, Purpose.REWRITE):
        return _of_action(case, ask)
    reply = ask(_request(case, Task.at(source_of(case), [case.gap], Budget(), lines=case.lines)))
    site = site_of(case)
    cleaned = (sound(site, fill.texts[0]) for fill in reply.candidates)
    return distinct(each.text for each in cleaned if each.shown)


def _of_action(case: FaultCase, ask: Ask) -> tuple[str, ...]:
    work = work_of(case)
    task = Task.of_work(work, Budget())
    reply = ask(_request(case, task))
    try:
        edit = work.best_edit(task.context, reply.candidates, reply.present)
    except InputError:
        return ()
    return (edit.text.removeprefix(work.lead).removesuffix(work.tail),)


def _request(case: FaultCase, task: Task) -> FillRequest:
    suffix = _SUFFIXES.get(case.language, case.language)
    return task.request(Asker(path=f"example.{suffix}"), Limits(candidates=EXPLICIT_CANDIDATES))


def _fault(case: FaultCase, text: str) -> str:
    """What is wrong with one text; "" if nothing."""
    site = site_of(case) if not case.way else None
    gap, lead, tail = case.gap, "", ""
    if site is not None:
        gap, lead, tail = site.span, site.lead, site.tail
    before = source_of(case)
    after = before.edited([Edit(gap, lead + text + tail)])
    if _errors(after) > _errors(before):
        return f"{text!r} breaks the syntax"
    if case.purpose is Purpose.HOLE and _HOLE.fullmatch(text):
        return f"{text!r} is a hole"
    if _says_what_follows(text, before.text, gap):
        return f"{text!r} ends with what follows"
    if case.never and case.never in text:
        return f"{text!r} runs on"
    if not case.left and text in case.answers:
        return f"{text!r} must not come"
    return ""


def _errors(source: Source) -> int:
    return damage(source).faults if source.language.has_grammar else 0


def _says_what_follows(text: str, document: str, gap: Span) -> bool:
    before = with_line_ends(document[: gap.start], "\n").rpartition("\n")[2]
    tail, *below = with_line_ends(document[gap.end :], "\n").split("\n")
    if re.search(r"\w", tail):
        return text.rstrip().endswith(tail.strip())
    following = next((line for line in below if line.strip()), "")
    last = (before + text).rstrip().rpartition("\n")[2]
    return bool(re.search(r"\w", following)) and last.rstrip() == following.rstrip()


def can_answer(model: str, languages: Sequence[str]) -> Callable[[FaultCase], bool]:
    """Whether a model can answer a case. Without `languages` it knows all languages."""

    def answers(case: FaultCase) -> bool:
        return model not in case.silent and (not languages or case.language in languages)

    return answers
