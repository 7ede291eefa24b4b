"""Shows in the terminal how a fill is made, one line per step, then the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from dgls.protocol import WRITTEN, Draft, Fill, FillReply
from dgls.text.counting import counted
from dgls.text.lines import split_lines

if TYPE_CHECKING:
    from dgls.syntax.cursor import Context

_SHOWN_TOKENS = 40
_CONTEXT_LINES = 6
_ACCEPTED, _OPEN, _FILLED, _AROUND = "bold green", "dim magenta", "bold green", "dim"
_WRITTEN, _REFUSED = "bold green on grey15", "red strike"
_AHEAD = "▸"
_ORIGINS = {
    "draft": "written",
    "beam": "searched",
    "copied": "copied",
}
"""The origin of a causal model's text, in a word."""


class Watch:
    """Prints each draft as it arrives, accepted tokens beside the others.

    For a canvas these are the tokens that the sampler accepted and those that are still noise; for
    a causal model, the tokens that a pass wrote, the drafts that it refused, and those that the
    next pass verifies.
    """

    def __init__(self, context: Context, console: Console | None = None) -> None:
        self._parts = context.parts
        self._console = console or Console(highlight=False)
        self._writes = False
        self._console.print(self._excerpt(["▒▒▒"] * (len(self._parts) - 1), "magenta"))
        self._console.print()

    def draft(self, draft: Draft) -> None:
        """Print one step: accepted tokens bright, noise dim, padding as dots."""
        if draft.kind == WRITTEN:
            self._pass(draft)
            return
        line = Text(f"{'draft' if not draft.tokens else f'step {draft.step}':>8}  ")
        if not draft.tokens:
            line.append(" ⏎ ".join(_visible(text) for text in draft.texts), _ACCEPTED)
        pairs = list(zip(draft.tokens, draft.accepted, strict=True))
        for token, accepted in pairs[:_SHOWN_TOKENS]:
            line.append(_visible(token) or "·", _ACCEPTED if accepted else _OPEN)
        if len(pairs) > _SHOWN_TOKENS:
            line.append("…", _AROUND)
        self._console.print(line, soft_wrap=True)

    def finish(self, best: Fill, reply: FillReply) -> None:
        """Print the source with the gap filled, and the cost."""
        self._console.print()
        self._console.print(self._excerpt(list(best.texts), _FILLED))
        if self._writes:
            self._candidates(best, reply.candidates)
        self._console.print(f"\n{self._cost(best, reply)}", style=_AROUND)

    def _pass(self, draft: Draft) -> None:
        """Print the tokens that a pass wrote and refused, and the drafts after them."""
        if not self._writes:
            self._console.print(
                "Each line is a pass: the tokens that it wrote, the drafts that it refused "
                f"({self._struck('struck through')}), and after {_AHEAD} the drafts that the next "
                "pass verifies.",
                style=_AROUND,
            )
        self._writes = True
        line = Text(f"{f'pass {draft.step}':>8}  ")
        written = [token for token, kept in zip(draft.tokens, draft.accepted, strict=True) if kept]
        refused = draft.tokens[len(written) :]
        for index, token in enumerate(written):
            line.append(" " if index else "")
            line.append(_visible(token) or "·", _WRITTEN)
        if not written:
            line.append("the end", _AROUND)
        if refused:
            line.append("  ")
            line.append(self._struck(_visible("".join(refused))), _REFUSED)
        if draft.ahead:
            line.append(f"  {_AHEAD} {_visible(''.join(draft.ahead))}", _OPEN)
        self._console.print(line, soft_wrap=True)

    def _struck(self, text: str) -> str:
        """The text itself if the terminal strikes it through, else between tildes."""
        return text if self._console.color_system else f"~{text}~"

    def _candidates(self, best: Fill, candidates: Sequence[Fill]) -> None:
        """Print the candidates with their confidence."""
        self._console.print()
        for each in candidates:
            line = Text(f"{each.confidence:>8.0%}  ", _AROUND)
            line.append(f"{_ORIGINS.get(each.proposal, each.proposal):<9}", _AROUND)
            shown = " … ".join(_visible(text) for text in each.texts)
            line.append(shown or "(nothing)", _ACCEPTED if each == best else _AROUND)
            self._console.print(line, soft_wrap=True)

    def _cost(self, best: Fill, reply: FillReply) -> str:
        total = f"{reply.timings.total_ms:.0f} ms"
        cached = f"({reply.cached_tokens} of {reply.prompt_tokens} prompt tokens cached)"
        if not self._writes:
            return (
                f"{reply.model}: {best.proposal}, confidence {best.confidence:.0%}, "
                f"{reply.steps} denoise steps, {total} {cached}"
            )
        others = max(0, reply.passes - reply.steps)
        return (
            f"{reply.model}: {best.proposal}, confidence {best.confidence:.0%}, "
            f"{counted(reply.written, 'token', 'tokens')} in "
            f"{counted(reply.steps, 'pass', 'passes')}, {others} more to search and compare, "
            f"{total} {cached}"
        )

    def _excerpt(self, fills: list[str], style: str) -> Text:
        """The last lines before the first gap, the gaps, and the first lines after the last."""
        first, *others = self._parts
        before = "".join(split_lines(first, keepends=True)[-_CONTEXT_LINES:])
        shown = Text(before.lstrip("\n"), _AROUND)
        for index, (fill, part) in enumerate(zip(fills, others, strict=True)):
            shown.append(fill, style)
            is_last = index == len(fills) - 1
            lines = split_lines(part, keepends=True)
            shown.append("".join(lines[: _CONTEXT_LINES // 2] if is_last else lines), _AROUND)
        shown.rstrip()
        return shown


def _visible(text: str) -> str:
    return text.replace("\n", "⏎").replace("\t", "⇥")
