"""Gaps cut from source files, as prompts that the product would build, with their answers.

A prompt is laid out by `dgls.canvas.fim`, with its budgets. The answer begins with the end of the
prefix that the prompt leaves out (token healing), and ends where the product's stream ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from dgls.canvas.fim import FimLayout
from dgls.checkpoint.codec import HfCodec
from dgls.errors import TrainingError
from dgls.lab.evaluation.cases import Kind
from dgls.lab.evaluation.cut import CUTTERS
from dgls.lab.evaluation.places import Places, places_of
from dgls.lab.training.parallel.cuts import SourceFile
from dgls.protocol import Limits
from dgls.requests.builder import Asker, Task
from dgls.syntax.cursor import Budget
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.indentation import columns, indentation
from dgls.text.lines import line_around
from dgls.text.spans import Edit, Span

ODDS = {
    Kind.LINE_END: 0.4,
    Kind.WHOLE_LINE: 0.2,
    Kind.SPAN: 0.15,
    Kind.ARGUMENTS: 0.1,
    Kind.BODY: 0.15,
}
"""How often each kind of gap is cut."""

TYPED_ODDS = 0.6
"""How often the rest of a gap's block is removed too.

Bodies have no rest, so this applies to half of the gaps.
"""

_LABELS = tuple(f"{typed}{kind}" for typed in ("", "typed ") for kind in ODDS)
_CHARS_PER_EXAMPLE = 400
_MOST = 40_000
_LONGEST_ANSWER = 160


@dataclass(frozen=True)
class Examples:
    """Prompts with their answers, as arrays for one file.

    `tokens` are all examples' tokens one after the other; example e is `bounds[e] .. bounds[e + 1]`
    and its first `prompt[e]` tokens are the prompt. The answer's first `healed[e]` bytes are the
    end of the prefix. `one_line` gaps end with their line. `label` is an index into `labels`, the
    kinds of gaps; `heldout` examples are never trained on.
    """

    tokens: NDArray[np.int32]
    bounds: NDArray[np.int64]
    prompt: NDArray[np.int32]
    healed: NDArray[np.int32]
    one_line: NDArray[np.bool_]
    label: NDArray[np.int8]
    heldout: NDArray[np.bool_]
    labels: NDArray[np.str_]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The tokens of each example."""
        return np.diff(self.bounds)

    def of(self, example: int) -> NDArray[np.int32]:
        """The tokens of one example."""
        return self.tokens[self.bounds[example] : self.bounds[example + 1]]


@dataclass(frozen=True, slots=True)
class _Example:
    """One example; the terms are those of `Examples`."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    healed: int
    one_line: bool
    label: str


def cut_examples(files: Sequence[SourceFile], tokenizer: Tokenizer, seed: int = 0) -> Examples:
    """Draw gaps of every kind in `files`, one every 400 characters, up to a limit.

    Raises `TrainingError` if the files have no place for a gap.
    """
    codec = HfCodec(tokenizer)
    layout = FimLayout(codec, codec.last_word)
    each = max(_CHARS_PER_EXAMPLE, sum(len(file.text) for file in files) // _MOST)
    found: list[_Example] = []
    heldout: list[bool] = []
    for number, file in enumerate(files):
        rng = Random(f"lora:{seed}:{number}")
        cut = list(_cut_file(file, max(1, len(file.text) // each), layout, rng))
        found += cut
        heldout += [file.heldout] * len(cut)
    for part, held in (("training", False), ("held-out", True)):
        if held not in heldout:
            raise TrainingError(f"The corpus has no {part} gaps; nothing was trained.")
    return _packed(found, heldout)


def _packed(found: Sequence[_Example], heldout: Sequence[bool]) -> Examples:
    tokens = [np.array([*each.prompt, *each.answer], dtype=np.int32) for each in found]
    return Examples(
        tokens=np.concatenate(tokens),
        bounds=np.cumsum([0, *map(len, tokens)], dtype=np.int64),
        prompt=np.array([len(each.prompt) for each in found], dtype=np.int32),
        healed=np.array([each.healed for each in found], dtype=np.int32),
        one_line=np.array([each.one_line for each in found]),
        label=np.array([_LABELS.index(each.label) for each in found], dtype=np.int8),
        heldout=np.array(heldout),
        labels=np.array(_LABELS),
    )


def _cut_file(file: SourceFile, count: int, layout: FimLayout, rng: Random) -> Iterator[_Example]:
    """At most `count` examples; none if the file cannot be parsed."""
    language = language_named(file.language)
    places = places_of(file.text, language)
    if places is None:
        return
    source = Source.parse(file.text, language)
    # With the tree parsed first, edits of the text parse only what they touch.
    source.tree  # noqa: B018
    for _ in range(count):
        example = _cut(source, places, layout, rng)
        if example is not None:
            yield example


def _cut(source: Source, places: Places, layout: FimLayout, rng: Random) -> _Example | None:
    kind = rng.choices(list(ODDS), list(ODDS.values()))[0]
    gap = next(iter(CUTTERS[kind](places, rng)), None)
    typed = rng.random() < TYPED_ODDS
    if gap is None or not gap.of(source.text).strip():
        return None
    edits = [Edit(gap, "")]
    if typed and (rest := rest_of_block(source.text, gap)):
        edits.append(Edit(rest, ""))
    task = Task.at(source.edited(edits), [Span(gap.start, gap.start)], Budget(), lines=1)
    prompt = layout.prompt(task.request(Asker(), Limits()))
    answer = layout.text(prompt, gap.of(source.text))
    if len(answer) > _LONGEST_ANSWER:
        return None
    label = f"{'typed ' if len(edits) > 1 else ''}{kind}"
    return _Example(prompt.tokens, answer, len(prompt.rest), kind is not Kind.BODY, label)


def rest_of_block(text: str, gap: Span) -> Span | None:
    """The lines after a gap in its block, which a user who types there has not written yet.

    Those are lines at least as deep as the gap's line; outside any block, those up to an empty one.
    The span begins at the end of the gap's last line. None if the block ends there.
    """
    depth = columns(indentation(line_around(text, gap.start).of(text)))
    start = end = line_around(text, gap.end).end
    while end < len(text):
        line = line_around(text, end + 1)
        inside = line.of(text).strip() and columns(indentation(line.of(text))) >= depth
        if not inside and (depth == 0 or line.of(text).strip()):
            break
        end = line.end
    rest = Span(start, start + len(text[start:end].rstrip()))
    return rest if rest.end > rest.start else None


def batches(
    examples: Examples, chosen: NDArray[np.int64], tokens: int, seed: int
) -> Iterator[NDArray[np.int64]]:
    """Endless batches of about `tokens` tokens; every example comes once before any repeats."""
    rng = np.random.default_rng(seed)
    while True:
        yield from packed(examples, rng.permutation(chosen), tokens)


def packed(
    examples: Examples, order: NDArray[np.int64], tokens: int
) -> Iterator[NDArray[np.int64]]:
    """The examples in order, in batches of at most `tokens` tokens, or of one example."""
    lengths, start, held = examples.lengths[order], 0, 0
    for end, length in enumerate(lengths):
        if end > start and held + length > tokens:
            yield order[start:end]
            start, held = end, 0
        held += length
    yield order[start:]
