"""The layout of the embedded model: a causal prompt, then a canvas of gap slots and near suffix.

    prompt  <path> path  <ctx> path text ...  <suffix> suffix  <prefix> prefix  <middle>
    canvas  slots of gap 1 | text between | slots of gap 2 | ... | near suffix

The prompt starts with what changes least, so that typing extends what is cached. The mark at its
end is the exception: without it a causal stream cannot tell a line break that ends the prefix from
one that ends the gap. The suffix is in the prompt, where the causal judge reads it, and its
beginning is in the canvas again, where the denoiser must join it. A gap's target is its text,
`<end>`, then `<pad>` to the end of its slots. Past the end of the file the canvas is pinned
`<pad>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dgls.canvas.types import Canvas, Codec, Lengths
from dgls.errors import InputError
from dgls.protocol import FillRequest, Gap, Snippet
from dgls.text.spans import Span, anchored_start

PAD, END, MIDDLE, PATH, SUFFIX, PREFIX, CONTEXT, IMAGE = SPECIAL_TOKENS = (
    "<pad>",
    "<end>",
    "<middle>",
    "<path>",
    "<suffix>",
    "<prefix>",
    "<ctx>",
    "<image>",
)
"""The special tokens, in the order of their ids from 0. The model class requires `<image>`."""

CANVAS_WIDTHS = (16, 32, 48, 64, 96, 128, 192, 256)
"""The canvas widths in tokens; there are few, so that few shapes are compiled and batched."""


def widths_up_to(most: int) -> tuple[int, ...]:
    """The widths of canvases of at most `most` tokens, ascending; the last is `most`."""
    return (*(width for width in CANVAS_WIDTHS if width < most), most)


# A token of source code averages at most about this many characters. Cutting the text at this
# multiple of a token budget first keeps tokenising cheap without cutting too much.
_CHARS_PER_TOKEN = 8


@dataclass(frozen=True, slots=True)
class InfillBudget:
    """Tokens for each part. `window` is the trained length of prompt and canvas together.

    `canvas` is the most that any canvas has; if it is too narrow for all gaps, they get fewer
    slots.
    """

    window: int = 512
    path: int = 16
    snippets: int = 96
    suffix: int = 112
    line_slots: int = 24
    block_slots: int = 56
    near_suffix: int = 8
    canvas: int = CANVAS_WIDTHS[-1]


@dataclass(frozen=True, slots=True)
class InfillLayout:
    """Turns a request into prompt and canvas, and a denoised canvas back into texts."""

    codec: Codec
    budget: InfillBudget = InfillBudget()

    def build(self, request: FillRequest) -> Canvas:
        """The canvas of a request. Raises `InputError` if the gaps need more than the window."""
        old = [self.codec.encode(gap.text) for gap in request.gaps]
        wanted = [self._slots(gap, tokens) for gap, tokens in zip(request.gaps, old, strict=True)]
        between = [self.codec.encode(part) for part in request.parts[1:-1]]
        slots = self._fitting(wanted, old, self.budget.near_suffix + sum(map(len, between)))
        suffix = self.head(request.parts[-1], self.budget.suffix)
        canvas = self.canvas(slots, old, between, suffix)
        prompt = self.prompt(
            request.path, request.snippets, request.parts[0], suffix, len(canvas[0])
        )
        tokens, pinned, seeded, gaps = canvas
        return Canvas(tuple(prompt), tuple(tokens), tuple(pinned), tuple(gaps), tuple(seeded))

    def canvases(self, request: FillRequest, lengths: Lengths) -> tuple[Canvas, ...]:
        """The only canvas of a request: the model ends each gap itself, whatever its length."""
        return (self.build(request),)

    def texts(self, canvas: Canvas, tokens: Sequence[int]) -> tuple[str, ...]:
        """The text of each gap: its tokens up to the first `<end>` or `<pad>`."""
        return tuple(self._text(tokens[gap.start : gap.end]) for gap in canvas.gaps)

    def target(self, texts: Sequence[str]) -> tuple[int, ...]:
        """The tokens of the first gap's text and `<end>`, as the causal stream writes them."""
        return (*self.codec.encode(texts[0]), self.codec.token_id(END))

    def prompt(
        self, path: str, snippets: Sequence[Snippet], prefix: str, suffix: list[int], canvas: int
    ) -> list[int]:
        """The causal prompt, cut so that `canvas` more tokens fit the window."""
        head = [*self._path(path), *self._snippets(snippets)]
        head += [self.codec.token_id(SUFFIX), *suffix, self.codec.token_id(PREFIX)]
        room = self.budget.window - canvas - len(head) - 1
        return [*head, *self.tail(prefix, room), self.codec.token_id(MIDDLE)]

    def head(self, text: str, budget: int) -> list[int]:
        """The first tokens of `text`, at most `budget`."""
        return self.codec.encode(text[: budget * _CHARS_PER_TOKEN])[:budget]

    def tail(self, text: str, budget: int) -> list[int]:
        """The last tokens of `text`, at most `budget`, from a start that typing rarely moves."""
        cut = anchored_start(len(text), max(1, budget) * _CHARS_PER_TOKEN)
        tokens = self.codec.encode(text[cut:])
        return tokens[anchored_start(len(tokens), max(1, budget)) :]

    def canvas(
        self,
        slots: Sequence[int],
        old: Sequence[Sequence[int]],
        between: Sequence[Sequence[int]],
        suffix: Sequence[int],
        width: int | None = None,
    ) -> tuple[list[int], list[bool], list[bool], list[Span]]:
        """Tokens, pinned, seeded and the gaps' slots of one canvas, `width` tokens wide.

        Gap i has `slots[i]` open positions, which hold `old[i]` if it has text; `between` has the
        tokens between gaps. Without `width` the next larger of `CANVAS_WIDTHS` is used.
        """
        pad = self.codec.token_id(PAD)
        tokens: list[int] = []
        pinned: list[bool] = []
        seeded: list[bool] = []
        gaps: list[Span] = []
        for index, count in enumerate(slots):
            if index:
                tokens += between[index - 1]
            pinned += [True] * (len(tokens) - len(pinned))
            seeded += [False] * (len(tokens) - len(seeded))
            gaps.append(Span(len(tokens), len(tokens) + count))
            tokens += self._seed(old[index], count)
            pinned += [False] * count
            seeded += [bool(old[index])] * count
        full = width or self._width(len(tokens) + self.budget.near_suffix)
        near = list(suffix[: full - len(tokens)])
        tokens += near + [pad] * (full - len(tokens) - len(near))
        pinned += [True] * (full - len(pinned))
        seeded += [False] * (full - len(seeded))
        return tokens, pinned, seeded, gaps

    def _seed(self, old: Sequence[int], count: int) -> list[int]:
        """The initial tokens of a gap's slots: its old text as a target, or padding."""
        pad, end = self.codec.token_id(PAD), self.codec.token_id(END)
        held = [*old, end][:count] if old else []
        return [*held, *[pad] * (count - len(held))]

    def _slots(self, gap: Gap, old: Sequence[int]) -> int:
        least = self.budget.line_slots if gap.max_lines == 1 else self.budget.block_slots
        return max(least, len(old) + least // 2 if old else 0)

    def _fitting(
        self, slots: Sequence[int], old: Sequence[Sequence[int]], fixed: int
    ) -> Sequence[int]:
        """As many slots as the canvas holds beside `fixed` tokens; old texts keep theirs."""
        room, wanted = self.budget.canvas - fixed, sum(slots)
        if wanted <= room:
            return slots
        return [
            max(1, count * room // wanted, len(held) + 1 if held else 0)
            for count, held in zip(slots, old, strict=True)
        ]

    def _width(self, needed: int) -> int:
        for width in widths_up_to(self.budget.canvas):
            if needed <= width <= self.budget.window // 2:
                return width
        raise InputError(
            f"The gaps and what lies between them need {needed} tokens, more than the model's "
            f"canvas holds; nothing was changed. Fill fewer gaps or select less."
        )

    def _path(self, path: str) -> list[int]:
        if not path:
            return []
        return [self.codec.token_id(PATH), *self.codec.encode(path)[-self.budget.path :]]

    def _snippets(self, snippets: Sequence[Snippet]) -> list[int]:
        tokens: list[int] = []
        for snippet in snippets:
            left = self.budget.snippets - len(tokens) - 1
            if left <= 0:
                break
            text = self.head(f"{snippet.path}\n{snippet.text}", left)
            tokens += [self.codec.token_id(CONTEXT), *text]
        return tokens

    def _text(self, tokens: Sequence[int]) -> str:
        stops = {self.codec.token_id(END), self.codec.token_id(PAD)}
        length = next((i for i, token in enumerate(tokens) if token in stops), len(tokens))
        return self.codec.decode(tokens[:length])
