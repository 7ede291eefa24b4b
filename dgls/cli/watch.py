"""Shows a canvas denoising in the terminal: one line of tokens for each step, then the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from dgls.protocol import Draft, Fill, FillReply

if TYPE_CHECKING:
    from dgls.syntax.cursor import Context

_SHOWN_TOKENS = 40
_CONTEXT_LINES = 6
_ACCEPTED, _OPEN, _FILLED, _AROUND = "bold green", "dim magenta", "bold green", "dim"


class Watch:
    """Prints each draft as it comes, what the sampler accepted beside what is still noise."""

    def __init__(self, context: Context, console: Console | None = None) -> None:
        self._parts = context.parts
        self._console = console or Console(highlight=False)
        self._console.print(self._excerpt(["▒▒▒"] * (len(self._parts) - 1), "magenta"))
        self._console.print()

    def draft(self, draft: Draft) -> None:
        """Print one step: accepted tokens bright, noise dim, padding as dots."""
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
        """Print the source with the gap filled, and what it cost."""
        self._console.print()
        self._console.print(self._excerpt(list(best.texts), _FILLED))
        times = reply.timings
        self._console.print(
            f"\n{reply.model}: {best.proposal}, confidence {best.confidence:.0%}, "
            f"{reply.steps} denoise steps, {times.total_ms:.0f} ms "
            f"({reply.cached_tokens} of {reply.prompt_tokens} prompt tokens cached)",
            style=_AROUND,
        )

    def _excerpt(self, fills: list[str], style: str) -> Text:
        """The last lines before the first gap, the gaps, and the first lines behind the last."""
        first, *others = self._parts
        shown = Text("".join(first.splitlines(keepends=True)[-_CONTEXT_LINES:]), _AROUND)
        for index, (fill, part) in enumerate(zip(fills, others, strict=True)):
            shown.append(fill, style)
            is_last = index == len(fills) - 1
            lines = part.splitlines(keepends=True)
            shown.append("".join(lines[: _CONTEXT_LINES // 2] if is_last else lines), _AROUND)
        shown.rstrip()
        return shown


def _visible(text: str) -> str:
    return text.replace("\n", "⏎").replace("\t", "⇥")
