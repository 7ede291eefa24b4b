"""The layout of a causal fill-in-the-middle model, suffix first.

    <|fim_prefix|> <|fim_suffix|> suffix <|fim_middle|> prefix  ->  middle

(Bavarian et al. 2022, arXiv:2207.14255, "SPM"; Hui et al. 2024, arXiv:2409.12186, for the marks.)
Typing extends such a prompt, so its keys and values are kept from one keystroke to the next. Other
files come first, each after its path, as in the model's own training on repositories.

The tokens that end the prefix may differ from those that the continuation would begin with: `.app`
is one token, but `.` and `app` are two. The prompt therefore leaves out the last word of the
prefix, and the model writes it again (`rest`), by whatever tokens it prefers ("token healing").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dgls.canvas.types import Codec
from dgls.protocol import FillRequest, Limits, Snippet
from dgls.text.spans import anchored_start

PREFIX, SUFFIX, MIDDLE = "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"
REPOSITORY, FILE = "<|repo_name|>", "<|file_sep|>"
ENDS = ("<|endoftext|>", "<|fim_pad|>", "<|im_end|>", "<|file_sep|>", "<|repo_name|>")
ENDS_OF_MIDDLE = (*ENDS, PREFIX, SUFFIX, MIDDLE, "<|im_start|>")

_CHARS_PER_TOKEN = 8


@dataclass(frozen=True, slots=True)
class FimBudget:
    """Characters of the document on each side of the gap, and tokens of everything else."""

    prefix_chars: int = 2400
    suffix_chars: int = 800
    prefix: int = 640
    suffix: int = 224
    snippets: int = 256
    left_to_right: int = 128

    def within(self, limits: Limits) -> FimBudget:
        """The budget with a request's limits, which are in characters."""
        before, after = (
            None if chars is None else max(0, chars)
            for chars in (limits.prefix_chars, limits.suffix_chars)
        )
        budget = self if before is None else replace(self, prefix_chars=before, prefix=before)
        return budget if after is None else replace(budget, suffix_chars=after, suffix=after)


@dataclass(frozen=True, slots=True)
class FimPrompt:
    """`tokens` are read; then the model writes `rest`, the end of the prefix, and the gap's text.

    `healed` are the tokens of `rest` as the tokenizer gives them.
    """

    tokens: tuple[int, ...]
    rest: bytes
    healed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FimLayout:
    """Turns the text around one gap into a prompt. `last_word` finds a line's last word."""

    codec: Codec
    last_word: Callable[[str], int]
    budget: FimBudget = FimBudget()

    def prompt(self, request: FillRequest) -> FimPrompt:
        """The prompt of a request with one gap."""
        prefix, suffix = self.surroundings(request)
        budget = self.budget.within(request.limits)
        prefix = _anchored(prefix, budget.prefix)
        cut = healing_cut(prefix, self.last_word)
        head = self._head(request.snippets, suffix, budget.suffix)
        body = self.codec.encode(prefix[:cut])
        start = anchored_start(len(body), budget.prefix)
        rest = prefix[cut:]
        healed = self.codec.encode(rest) if rest else []
        return FimPrompt((*head, *body[start:]), rest.encode("utf-8", "replace"), tuple(healed))

    def brief_prompt(self, request: FillRequest) -> FimPrompt:
        """A prompt of the request's parts alone, which hold the text nearest to the gap."""
        return self.prompt(replace(request, around=("", "")))

    def left_to_right(self, prefix: str) -> FimPrompt:
        """A prompt of the prefix only: the model continues it without seeing the suffix."""
        prefix = _anchored(prefix, self.budget.prefix)
        cut = healing_cut(prefix, self.last_word)
        body = self.codec.encode(prefix[:cut]) or [self.codec.token_id(ENDS[0])]
        start = anchored_start(len(body), self.budget.left_to_right)
        rest = prefix[cut:]
        healed = self.codec.encode(rest) if rest else []
        return FimPrompt(tuple(body[start:]), rest.encode("utf-8", "replace"), tuple(healed))

    def text(self, prompt: FimPrompt, text: str) -> tuple[int, ...]:
        """The tokens by which a text in the gap is scored: those of `rest` and the text."""
        return tuple(self.codec.encode(prompt.rest.decode("utf-8", "replace") + text))

    def surroundings(self, request: FillRequest) -> tuple[str, str]:
        """The text before and after the gap, as much of it as fits the budget.

        If the prefix is longer, the part of its beginning that the request kept (imports, headers)
        stays.
        """
        (near, suffix), (above, below) = request.parts, request.around
        suffix = below if below.startswith(suffix) else suffix
        # Closers are left out of the prompt and must not move the prompt's end.
        closers = len(suffix) - len(without_closers(suffix))
        budget = self.budget.within(request.limits)
        suffix = suffix[: budget.suffix_chars + closers]
        if not above.endswith(near[-1:]) or len(near) >= budget.prefix_chars:
            return near, suffix
        if len(above) <= budget.prefix_chars:
            return above or near, suffix
        kept = _kept(near, above)
        window = self._window(above, budget.prefix_chars - len(kept))
        return _without_last_lines_of(kept, window) + window, suffix

    def _window(self, text: str, chars: int) -> str:
        """The last lines of a text, about `chars`, from a line start that typing rarely moves."""
        start = anchored_start(len(text), chars)
        return text[text.find("\n", start) + 1 :] if start else text

    def _head(self, snippets: Sequence[Snippet], suffix: str, most: int) -> list[int]:
        token = self.codec.token_id
        after = self.codec.encode(without_closers(suffix))[:most]
        return [*self._snippets(snippets), token(PREFIX), token(SUFFIX), *after, token(MIDDLE)]

    def _snippets(self, snippets: Sequence[Snippet]) -> list[int]:
        tokens: list[int] = []
        for snippet in snippets:
            left = self.budget.snippets - len(tokens) - 1
            if left <= 0:
                break
            text = f"{snippet.path}\n{snippet.text.rstrip()}\n"[: left * _CHARS_PER_TOKEN]
            tokens += [self.codec.token_id(FILE), *self.codec.encode(text)[:left]]
        return [self.codec.token_id(REPOSITORY), *tokens] if tokens else []


def _anchored(prefix: str, tokens: int) -> str:
    """The end of a prefix, at least `tokens` tokens long."""
    return prefix[anchored_start(len(prefix), tokens * _CHARS_PER_TOKEN) :]


def healing_cut(prefix: str, last_word: Callable[[str], int]) -> int:
    """Where the part of the prefix begins that the model writes again; its end if there is none.

    After a line break nothing is written again: the break stays where the user put it.
    """
    if not prefix or prefix[-1] == "\n":
        return len(prefix)
    line = prefix.rfind("\n") + 1
    return line + last_word(prefix[line:])


def without_closers(suffix: str) -> str:
    """The suffix without closing brackets and quotes that end the gap's line.

    An editor that closes a bracket as it opens changes the start of the suffix, and a prompt with
    that bracket would have to be read again. The model closes what it opens.
    """
    tail = suffix.partition("\n")[0]
    return suffix[len(tail) :] if tail.strip() and not tail.strip(_CLOSERS) else suffix


_CLOSERS = ")]}\"' "


def _kept(near: str, above: str) -> str:
    """The whole lines that the request kept from far above the text next to its gap."""
    start = len(near) - _shared_end(near, above)
    if start and near[start - 1] != "\n":
        # The end of the kept lines happens to equal the end of the line above the window.
        start = near.find("\n", start) + 1
    return near[:start]


def _without_last_lines_of(kept: str, window: str) -> str:
    """The kept lines without the last ones that are also in the window."""
    there = frozenset(window.split("\n"))
    lines = kept.splitlines(keepends=True)
    while lines and lines[-1].removesuffix("\n") in there | {""}:
        del lines[-1]
    return "".join(lines)


def _shared_end(one: str, other: str) -> int:
    """The number of characters in which both texts' ends agree."""
    most = min(len(one), len(other))
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[-middle:] == other[-middle:]:
            low = middle
        else:
            high = middle - 1
    return low
