"""`dgls bench passes`: tokens per pass and milliseconds per fill, by source of drafts."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dgls.errors import InputError
from dgls.inference.causal_model import CausalModel, Drafting
from dgls.inference.control import RunControl
from dgls.inference.written import Ends, Written
from dgls.lab.evaluation.cases import Case, Kind
from dgls.lab.evaluation.cut import cut_cases
from dgls.protocol import FillRequest
from dgls.syntax.languages import LANGUAGES

SYSTEMS = {
    "plain": Drafting(lookup=False, masks=False),
    "look-up": Drafting(masks=False),
    "adapter": Drafting(lookup=False),
    "both": Drafting(),
}
NEAR_TIE = 0.05
"""If logits are closer than this it is a tie, which the width of a pass may decide."""

_KINDS = (Kind.LINE_END, Kind.BODY)
_LINE_TOKENS, _BODY_TOKENS = 64, 96


@dataclass(frozen=True, slots=True)
class PassFigures:
    """The figures of one system.

    `tokens_per_pass` is over all gaps, including the pass that reads the prompt's end.
    `ms_per_fill_p50` is over one-line gaps whose prompt was read before, and `cpu_ms_per_fill_p50`
    is the CPU time of the same fills on all threads, which is less affected by other work on the
    machine. `same_as_greedy` counts gaps with the text of plain decoding; of the others,
    `near_ties` first differ at a near tie.
    """

    system: str
    tokens_per_pass: float
    ms_per_fill_p50: float
    cpu_ms_per_fill_p50: float
    same_as_greedy: int
    near_ties: int
    gaps: int
    tokens_per_pass_by_language: dict[str, float]
    tokens_per_pass_one_line: float


@dataclass(frozen=True, slots=True)
class _Spent:
    """Milliseconds of a fill, by wall clock and on the CPU."""

    wall: float
    cpu: float


@dataclass(slots=True)
class _Counted:
    tokens: dict[str, int] = field(default_factory=dict)
    passes: dict[str, int] = field(default_factory=dict)
    line_tokens: int = 0
    line_passes: int = 0
    times: list[_Spent] = field(default_factory=list)
    same: int = 0
    ties: int = 0
    gaps: int = 0

    def add(self, case: Case, written: Written, plain: Written, spent: _Spent) -> None:
        """Count one gap."""
        tokens, passes = len(written.tokens) + (written.last is not None), written.passes + 1
        language = _language(case)
        self.tokens[language] = self.tokens.get(language, 0) + tokens
        self.passes[language] = self.passes.get(language, 0) + passes
        if case.kind is not Kind.BODY:
            self.times.append(spent)
            self.line_tokens += tokens
            self.line_passes += passes
        same = (written.tokens, written.last) == (plain.tokens, plain.last)
        self.same += same
        self.ties += not same and _parts_at_a_tie(written, plain)
        self.gaps += 1

    def figures(self, system: str) -> PassFigures:
        """The figures of all counted gaps."""
        by_language = {
            name: round(self.tokens[name] / self.passes[name], 2) for name in sorted(self.tokens)
        }
        return PassFigures(
            system,
            round(sum(self.tokens.values()) / max(1, sum(self.passes.values())), 2),
            _median([each.wall for each in self.times]),
            _median([each.cpu for each in self.times]),
            self.same,
            self.ties,
            self.gaps,
            by_language,
            round(self.line_tokens / max(1, self.line_passes), 2),
        )


def passes(
    model: CausalModel,
    cases: Sequence[Case],
    say: Callable[[str], None],
    minutes: float = math.inf,
) -> tuple[PassFigures, ...]:
    """The figures of every system; those with masks only if the model has an adapter.

    The systems take turns at each gap, so that a busy machine affects all of them. No new gap is
    started after `minutes`.
    """
    end = time.monotonic() + 60 * minutes
    systems = {n: d for n, d in SYSTEMS.items() if model.masks or n in ("plain", "look-up")}
    counted = {name: _Counted() for name in systems}
    before = model.drafting
    try:
        for number, case in enumerate(cases, start=1):
            if time.monotonic() > end:
                break
            plain = None
            for name, drafting in systems.items():
                model.drafting = drafting
                written, spent = _fill(model, case)
                plain = plain or written
                counted[name].add(case, written, plain, spent)
            if number % 10 == 0:
                say(f"{number} of {len(cases)} gaps")
    finally:
        model.drafting = before
    return tuple(each.figures(name) for name, each in counted.items())


def gaps_of(folders: Sequence[Path], count: int, seed: int) -> tuple[Case, ...]:
    """`count` gaps of a line or a body, in equal numbers from the folders.

    Raises `InputError` for a missing folder.
    """
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"There is no folder {folder}; nothing was measured.")
    each = -(-count // len(folders))
    found = [
        (number, case)
        for folder in folders
        for number, case in enumerate(cut_cases(folder, each, seed, _KINDS))
    ]
    # In turns, so that a run that ends early has measured all folders.
    found.sort(key=lambda each: each[0])
    return tuple(case for _, case in found[:count])


def as_json(figures: Sequence[PassFigures], model: str) -> dict[str, Any]:
    """The figures as `dgls bench passes --json` prints them."""
    return {"model": model, "systems": [asdict(each) for each in figures]}


def markdown(figures: Sequence[PassFigures]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| drafts | tokens a pass | one line | by language | ms a one-line fill, p50 | "
        "CPU ms, p50 | same as greedy | near ties |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in figures:
        languages = ", ".join(
            f"{name} {value:.2f}" for name, value in each.tokens_per_pass_by_language.items()
        )
        lines.append(
            f"| {each.system} | {each.tokens_per_pass:.2f} | {each.tokens_per_pass_one_line:.2f} "
            f"| {languages} | {each.ms_per_fill_p50:.0f} | {each.cpu_ms_per_fill_p50:.0f} "
            f"| {each.same_as_greedy} of {each.gaps} | {each.near_ties} |"
        )
    return "\n".join(lines) + "\n"


def _median(times: Sequence[float]) -> float:
    return round(statistics.median(times), 1) if times else 0.0


def _fill(model: CausalModel, case: Case) -> tuple[Written, _Spent]:
    """What the stream writes, and the time after its prompt was read."""
    prompt, ends = model.layout.prompt(request_of(case)), ends_of(model, case)
    model.read(prompt)
    began, cpu = time.perf_counter(), time.process_time()
    written, _ = model.greedy(prompt, ends, RunControl())
    spent = _Spent(1000 * (time.perf_counter() - began), 1000 * (time.process_time() - cpu))
    return written, spent


def ends_of(model: CausalModel, case: Case) -> Ends:
    """The ends of a gap here: a line, or a limit for a body."""
    line = case.kind is not Kind.BODY
    return model.ends(1, _LINE_TOKENS) if line else model.ends(_BODY_TOKENS, _BODY_TOKENS)


def greedy_tokens(model: CausalModel, case: Case) -> tuple[int, ...]:
    """The tokens of greedy decoding, including the one that ends it."""
    prompt, before = model.layout.prompt(request_of(case)), model.drafting
    model.drafting = replace(before, masks=False)
    written, _ = model.greedy(prompt, ends_of(model, case), RunControl())
    model.drafting = before
    return (*written.tokens, *([] if written.last is None else [written.last]))


def request_of(case: Case) -> FillRequest:
    """The request of a gap, with the whole file."""
    return FillRequest(case.parts, case.gaps, path=case.path)


def _language(case: Case) -> str:
    return next((known.name for known in LANGUAGES if known.names(case.path)), "other")


def _parts_at_a_tie(one: Written, other: Written) -> bool:
    """Whether two texts first differ where the model's choice is a near tie."""
    firsts = zip((*one.tokens, one.last), (*other.tokens, other.last), strict=False)
    at = next((index for index, (a, b) in enumerate(firsts) if a != b), None)
    if at is None:
        return False
    return min([*one.margins[at : at + 1], *other.margins[at : at + 1]]) < NEAR_TIE
