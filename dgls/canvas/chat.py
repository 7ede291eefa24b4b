"""The layout of the published, chat-tuned model: a fill as one turn of a chat.

    prompt  <bos><|turn>user  task · snippets · code after the gap · code before it<turn|>
            <|turn>model  ```python  head of the gap's line
    canvas  slots of gap 1 | text between | slots of gap 2 | ... | near suffix | ``` <turn|> <eos>

The model never learned to end a gap within a canvas, so a gap's length must be guessed. Each canvas
of a request has other lengths, with the text after the slots pinned. `OPEN_END` pins nothing there:
the model continues as in a chat, repeats the near suffix and closes the fence, and the fill is cut
where that begins. A judge compares fills of all lengths by the fill *and* what follows it.

The prompt starts with what changes least. The head of the answer, fence and indentation, is given,
because a terse prompt without it can get an empty answer. After the answer the canvas is filled
with `<eos>`, as in training. The control tokens are those of
https://ai.google.dev/gemma/docs/core/prompt-formatting-gemma4; without `<|think|>` in a system turn
the model answers at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dgls.canvas.infill import CANVAS_WIDTHS, widths_up_to
from dgls.canvas.types import OPEN_END, Canvas, Codec, Lengths
from dgls.errors import InputError
from dgls.protocol import FillRequest, Gap, Snippet
from dgls.text.spans import Span, anchored_start

PAD, EOS, BOS, TURN, END_OF_TURN, TOOL = CONTROL_TOKENS = (
    "<pad>",
    "<eos>",
    "<bos>",
    "<|turn>",
    "<turn|>",
    "<|tool_response>",
)
"""The control tokens that a tokenizer must have.

An answer ends at `<eos>`, `<turn|>` or `<|tool_response>`: ids 1, 106 and 50 of the published
checkpoint.
"""

MARK = "<FILL>"
"""Marks a gap in the code that the model is shown."""

# As in the embedded model's layout: cutting by characters first keeps tokenising cheap.
_CHARS_PER_TOKEN = 8

_NEAR_LINES = 2
"""This many lines after the last gap's own line are pinned in the canvas."""

_SLOTS = 16
"""Slots of a gap without a requested length."""

_TASK = (
    f"Code is missing from a file where {MARK} stands. Write it as the author of the file would. "
    f"Answer with one code block and nothing else: the lines from the first {MARK} to the last "
    f"one, each {MARK} replaced by the code that is missing, and the two lines that follow them."
)


@dataclass(frozen=True, slots=True)
class ChatBudget:
    """Tokens for each part. `window` limits prompt and canvas together.

    `canvas` is the most that any canvas has; the near suffix takes at most half of it.
    """

    window: int = 8192
    snippets: int = 1024
    suffix: int = 1024
    line_head: int = 64
    near_suffix: int = 32
    canvas: int = CANVAS_WIDTHS[-1]


@dataclass(frozen=True, slots=True)
class _Parts:
    """The tokens of a canvas without its open slots.

    They are the old text of each gap, and the pinned text after each gap.
    """

    old: Sequence[Sequence[int]]
    after: Sequence[Sequence[int]]

    @property
    def fixed(self) -> int:
        """How many tokens are pinned."""
        return sum(map(len, self.after))


@dataclass(frozen=True, slots=True)
class ChatLayout:
    """Turns a request into a chat with a begun answer, and the answer back into texts."""

    codec: Codec
    budget: ChatBudget = ChatBudget()

    def build(self, request: FillRequest) -> Canvas:
        """The first canvas of a request, with default lengths."""
        return self.canvases(request, Lengths())[0]

    def canvases(self, request: FillRequest, lengths: Lengths) -> tuple[Canvas, ...]:
        """One canvas for each of the lengths that fit, in order; all share one prompt and width.

        With several gaps, all change together: the first canvas has the first length of each gap,
        and so on, and no canvas has an open end. A gap with old text gets that text's length and a
        longer one. Raises `InputError` if not even the shortest lengths fit.
        """
        fence = fence_of(request)
        parts = self._parts(request, fence)
        rows = [
            row
            for row in _rows(request.gaps, parts.old, lengths)
            if parts.fixed + sum(row) <= self.budget.canvas
        ]
        if not rows:
            raise InputError(
                f"The text between the gaps and after them needs {parts.fixed} tokens, and with "
                f"the gaps more than the {self.budget.canvas} of a canvas; nothing was changed. "
                f"Fill fewer gaps or select less."
            )
        needed = parts.fixed + max(map(sum, rows))
        width = next(each for each in widths_up_to(self.budget.canvas) if needed <= each)
        prompt = self._prompt(request, fence)
        return tuple(self._canvas(prompt, parts, row, width) for row in rows)

    def texts(self, canvas: Canvas, tokens: Sequence[int]) -> tuple[str, ...]:
        """The text of each gap: its slots up to the first token that ends an answer.

        An open end stops where the fence is closed or the code that follows is repeated.
        """
        texts = [self._text(tokens[gap.start : gap.end]) for gap in canvas.gaps]
        if canvas.gaps[-1].end == len(canvas.tokens):
            texts[-1] = _without_rest(texts[-1], self.codec.decode(canvas.follows))
        return tuple(texts)

    def conversation(self, asked: str, begun: str) -> tuple[int, ...]:
        """The prompt: one user turn, and the beginning of the model's answer."""
        turn, end = self.codec.token_id(TURN), self.codec.token_id(END_OF_TURN)
        encode = self.codec.encode
        user = [self.codec.token_id(BOS), turn, *encode(f"user\n{asked}"), end, *encode("\n")]
        return (*user, turn, *encode(f"model\n{begun}"))

    def open_canvas(self, prompt: tuple[int, ...]) -> Canvas:
        """The widest canvas after a prompt, fully open: the model continues as in a chat."""
        width = self.budget.canvas
        closed = (False,) * width
        eos = self.codec.token_id(EOS)
        return Canvas(prompt, (eos,) * width, closed, (Span(0, width),), closed)

    def said(self, tokens: Sequence[int]) -> tuple[int, ...]:
        """The tokens of an answer before the first one that ends it."""
        return tuple(tokens[: self._ended_at(tokens)])

    def target(self, texts: Sequence[str]) -> tuple[int, ...]:
        """The tokens of the first gap's text; `Canvas.follows` has those that follow it."""
        return tuple(self.codec.encode(texts[0]))

    def _canvas(
        self, prompt: tuple[int, ...], parts: _Parts, row: Sequence[int], width: int
    ) -> Canvas:
        """The canvas with `row[i]` slots for gap i."""
        eos = self.codec.token_id(EOS)
        tokens: list[int] = []
        gaps: list[Span] = []
        seeded = [False] * width
        for slots, old, after in zip(row, parts.old, parts.after, strict=True):
            start = len(tokens)
            count = width - start if slots == OPEN_END else slots
            held = old[:count]
            seeded[start : start + len(held)] = [True] * len(held)
            tokens += [*held, *[eos] * (count - len(held))]
            gaps.append(Span(start, len(tokens)))
            tokens += after
        tokens = [*tokens, *[eos] * width][:width]
        pinned = [not any(gap.start <= at < gap.end for gap in gaps) for at in range(width)]
        follows = tuple(parts.after[-1])
        return Canvas(prompt, tuple(tokens), tuple(pinned), tuple(gaps), tuple(seeded), follows)

    def _parts(self, request: FillRequest, fence: str) -> _Parts:
        old = [self.codec.encode(gap.text) for gap in request.gaps]
        between = [self.codec.encode(part) for part in request.parts[1:-1]]
        return _Parts(old, [*between, self._tail(request.parts[-1], fence)])

    def _tail(self, suffix: str, fence: str) -> list[int]:
        """The pinned tokens after the last gap.

        They end at a line end, which also ends the answer. If a line is too long they end inside
        it, and the canvas ends there.
        """
        near = "\n".join(suffix.split("\n")[: 1 + _NEAR_LINES]).rstrip()
        tokens = self.codec.encode(near)
        most = min(self.budget.near_suffix, self.budget.canvas // 2)
        if len(tokens) > most:
            return tokens[:most]
        return [*tokens, *self.codec.encode("\n" + fence), self.codec.token_id(END_OF_TURN)]

    def _prompt(self, request: FillRequest, fence: str) -> tuple[int, ...]:
        """The chat up to the first gap, with code cut so that any canvas still fits the window."""
        encode, block = self.codec.encode, f"{fence}{request.language}\n"
        name = f" {request.path}" if request.path else ""
        after = encode(request.parts[-1][: self.budget.suffix * _CHARS_PER_TOKEN])
        head = [self.codec.token_id(BOS), self.codec.token_id(TURN), *encode(f"user\n{_TASK}\n")]
        head += self._snippets(request.snippets, fence)
        head += encode(f"\nWhat follows the last {MARK} in the file{name}:\n{block}")
        head += after[: self.budget.suffix]
        head += encode(f"\n{fence}\n\nWhat stands before:\n{block}")
        marked = "".join(MARK + part for part in request.parts[1:-1]) + MARK
        rest = [*encode(f"{marked}\n{fence}"), self.codec.token_id(END_OF_TURN), *encode("\n")]
        rest += [self.codec.token_id(TURN), *encode(f"model\n{block}")]
        rest += self._last(request.parts[0].rpartition("\n")[2], self.budget.line_head)
        room = self.budget.window - self.budget.canvas - len(head) - len(rest)
        return (*head, *self._last(request.parts[0], room), *rest)

    def _snippets(self, snippets: Sequence[Snippet], fence: str) -> list[int]:
        """The snippets that fit their budget completely."""
        tokens: list[int] = []
        for snippet in snippets:
            text = f"\nFrom {snippet.path}:\n{fence}\n{snippet.text}\n{fence}\n"
            if len(text) > self.budget.snippets * _CHARS_PER_TOKEN:
                break
            more = self.codec.encode(text)
            if len(tokens) + len(more) > self.budget.snippets:
                break
            tokens += more
        return tokens

    def _last(self, text: str, budget: int) -> list[int]:
        """The last tokens of `text`, at most `budget`, from a start that typing rarely moves."""
        most = max(1, budget)
        tokens = self.codec.encode(text[anchored_start(len(text), most * _CHARS_PER_TOKEN) :])
        return tokens[anchored_start(len(tokens), most) :]

    def _text(self, tokens: Sequence[int]) -> str:
        return self.codec.decode(self.said(tokens))

    def _ended_at(self, tokens: Sequence[int]) -> int:
        stops = {self.codec.token_id(token) for token in (PAD, EOS, END_OF_TURN, TOOL)}
        return next((i for i, token in enumerate(tokens) if token in stops), len(tokens))


def _rows(
    gaps: Sequence[Gap], old: Sequence[Sequence[int]], lengths: Lengths
) -> list[tuple[int, ...]]:
    """The number of slots of each gap in each canvas."""
    tried = [_tried(gap, tokens, lengths) for gap, tokens in zip(gaps, old, strict=True)]
    if len(gaps) > 1:
        tried = [[slots for slots in each if slots != OPEN_END] or [_SLOTS] for each in tried]
    most = max(map(len, tried))
    padded = [each + each[-1:] * (most - len(each)) for each in tried]
    return list(dict.fromkeys(zip(*padded, strict=True)))


def _tried(gap: Gap, old: Sequence[int], lengths: Lengths) -> list[int]:
    if old:
        return [len(old), len(old) + max(1, len(old) // 4)]
    return list(lengths.line if gap.max_lines == 1 else lengths.block) or [OPEN_END, _SLOTS]


def fence_of(request: FillRequest) -> str:
    """A fence of backticks that does not occur in the code: at least three."""
    return fence_for([*request.parts, *(snippet.text for snippet in request.snippets)])


def fence_for(texts: Sequence[str]) -> str:
    """A fence that does not occur in any of the texts: at least three backticks."""
    runs = re.findall(r"`{3,}", "\n".join(texts))
    return "`" * max([3, *(len(run) + 1 for run in runs)])


def _without_rest(text: str, follows: str) -> str:
    """The text that a model wrote before it closed the fence or repeated what follows the gap.

    The longest part of `follows` that occurs decides: all its lines, or fewer of its first lines,
    as long as they are not blank.
    """
    ended = re.fullmatch(r"(.*)\n(`{3,})", follows, re.DOTALL)
    near, fence = ended.groups() if ended else (follows, "```")
    text = re.split(rf"(?:^|\n){fence}", text, maxsplit=1)[0]
    lines = near.split("\n")
    for count in range(len(lines), 0, -1):
        known = "\n".join(lines[:count])
        found = f"{text}\n".find(f"{known}\n")
        if known.strip() and found >= 0:
            return text[:found]
    return text
