"""The gap of a case for each way in."""

from __future__ import annotations

import json
from typing import Any

from dgls.engine.dialects import DIALECTS
from dgls.engine.dialects.question import Question
from dgls.errors import InputError
from dgls.lab.evaluation.faults.cases import FaultCase
from dgls.sound.gap_edit import Work, hole_work, selection_work
from dgls.sound.site import Purpose, Site, Wanted
from dgls.syntax.holes import holes
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source

_PATHS = {"infill": "/infill", "openai": "/v1/completions", "mistral": "/v1/fim/completions"}
_TOKENS = 128
_FILE = "<|file_sep|>"


def source_of(case: FaultCase) -> Source:
    """The case's document."""
    return Source.parse(case.text, language_named(case.language))


def site_of(case: FaultCase) -> Site:
    """The case's gap as an editor or a terminal asks for it."""
    wanted = Wanted(case.purpose, case.lines, case.least)
    if case.purpose is Purpose.HOLE:
        work = work_of(case)
        return Site.of(work.source, work.span, wanted, work.lead, work.tail)
    return Site.of(source_of(case), case.gap, wanted)


def work_of(case: FaultCase) -> Work:
    """The code action on the case's hole or selection."""
    source = source_of(case)
    if case.purpose is Purpose.REWRITE:
        return selection_work(source, case.gap, 1.0)
    for hole in holes(source, case.gap):
        if hole.where.start <= case.gap.start <= hole.where.end:
            return hole_work(source, hole)
    raise InputError(f"The case {case.name} has no hole at its mark.")


def question_of(case: FaultCase) -> Question:
    """The case's gap as an HTTP client asks for it."""
    (dialect,) = [each for each in DIALECTS if each.path == _PATHS[case.way]]
    head = f"{_FILE}{case.path}\n" if case.path else ""
    before, after = head + case.text[: case.gap.start], case.text[case.gap.end :]
    fields: dict[str, Any]
    if case.way == "infill":
        extra = [{"filename": name, "text": ""} for name in case.beside]
        fields = {"input_prefix": before, "input_suffix": after, "input_extra": extra}
    else:
        fields = {"prompt": before, "suffix": after, "max_tokens": _TOKENS}
    return dialect.read(json.dumps({**fields, "stop": list(case.stop)}).encode()).question
