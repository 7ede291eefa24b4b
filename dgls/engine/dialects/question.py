"""What clients of every dialect ask, and what they are told: one gap, and the texts for it.

They give no line count, so it is chosen here. A line that is begun is finished, and no more: the
chance of further lines doubles the time (`docs/experiments.md`). So it is for a client that stops
at a line break. On an empty line, or behind what opens a block, the tokens allowed say how many
lines there may be, at the length of an ordinary line of code; a token limit is not a promise to cut
within a line.
"""

from __future__ import annotations

from dataclasses import dataclass

from dgls.protocol import Fill, FillReply, FillRequest, Gap, Limits, Snippet
from dgls.syntax.cursor import Budget, context_at
from dgls.syntax.languages.python import PYTHON
from dgls.syntax.source import Source
from dgls.text import Span, indentation, line_end_of, with_line_ends

MOST_CANDIDATES = 16
_MOST_LINES = 8
_TOKENS_PER_LINE = 12
_NEAR_CHARS = 4_000
_LINE_BREAKS = {"\n", "\r\n"}
_OPENS_A_BLOCK = (":", "{")


@dataclass(frozen=True, slots=True)
class Question:
    """The middle between a prefix and a suffix is asked for.

    `max_tokens` None is no limit, and 0 warms up: the prompt is encoded and nothing is filled. A
    fill ends before the first of `stops`, and before a line that is indented by less than
    `min_indent` characters. `deadline_ms` is as in `Limits`.
    """

    prefix: str
    suffix: str = ""
    snippets: tuple[Snippet, ...] = ()
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    min_indent: int = 0
    candidates: int = 1
    deadline_ms: float | None = None
    seed: int = 0

    @property
    def max_lines(self) -> int:
        """The most lines of the fill."""
        line = self.prefix.rpartition("\n")[2].rstrip()
        is_begun = line and not line.endswith(_OPENS_A_BLOCK)
        if is_begun or not _LINE_BREAKS.isdisjoint(self.stops):
            return 1
        if self.max_tokens is None or self.max_tokens < 0:
            return _MOST_LINES
        return min(_MOST_LINES, max(1, self.max_tokens // _TOKENS_PER_LINE))

    def request(self, client: str, budget: Budget) -> FillRequest:
        """The engine's request, its context cut as an editor's is.

        It is explicit: such clients do not say who they are, so none may supersede another. They
        close the connection of what they no longer want.
        """
        source = Source.parse(self.prefix + self.suffix, PYTHON)
        context = context_at(source, [Span(len(self.prefix), len(self.prefix))], budget)
        candidates = 0 if self.max_tokens == 0 else self.candidates
        return FillRequest(
            parts=context.parts,
            gaps=(Gap(max_lines=self.max_lines),),
            client=client,
            method="infill",
            snippets=self.snippets,
            limits=Limits(self.deadline_ms, candidates),
            seed=self.seed,
        )

    def completions(self, reply: FillReply) -> tuple[Completion, ...]:
        """What was filled, best first; after a warm-up one that is empty."""
        fills = reply.candidates if self.max_tokens != 0 else ()
        return tuple(map(self._completion, fills or (Fill(("",), 0.0, 0.0),)))

    def _completion(self, fill: Fill) -> Completion:
        near = self.prefix[-_NEAR_CHARS:] + self.suffix[:_NEAR_CHARS]
        text = with_line_ends(fill.texts[0], line_end_of(near))
        text = _without_outdented(text, self.min_indent)
        found = [(text.index(stop), stop) for stop in self.stops if stop and stop in text]
        end, stop = min(found, default=(len(text), ""))
        return Completion(text[:end], fill.tokens, stop)


@dataclass(frozen=True, slots=True)
class Completion:
    """One text for the gap, the tokens that it took, and the stop that cut it (or "")."""

    text: str
    tokens: int
    stopped_by: str


def _without_outdented(text: str, least: int) -> str:
    """The text before its first further line with fewer than `least` characters of indentation."""
    first, *others = text.split("\n")
    kept = [first]
    for line in others:
        if line.strip() and len(indentation(line)) < least:
            break
        kept.append(line)
    return "\n".join(kept)
