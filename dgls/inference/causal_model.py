"""A causal fill-in-the-middle model for fills: prompts in, texts and their scores out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from dgls.canvas.fim import ENDS_OF_MIDDLE, FimBudget, FimLayout, FimPrompt
from dgls.checkpoint.codec import HfCodec
from dgls.inference.beams import BeamLimits, BeamSearch
from dgls.inference.control import RunControl
from dgls.inference.drafts import ROWS, BestDrafts, Ending
from dgls.inference.lookup import Lookup
from dgls.inference.mask_drafts import MaskDrafts
from dgls.inference.prompt_cache import PromptCache, ReadPrompt
from dgls.inference.scoring import Scorer
from dgls.inference.stream import Stream
from dgls.inference.token_table import TokenTable
from dgls.inference.written import Ends, OnPass, Written
from dgls.network.qwen2 import Qwen2Network

_ANY = 1_000_000
"""More lines and tokens than any text has."""


@dataclass(frozen=True, slots=True)
class Drafting:
    """The sources of drafts: repetitions in the prompt, and masks if the model has an adapter.

    A pass reads at most `rows` positions: one accepted token, drafts and masks.
    """

    lookup: bool = True
    masks: bool = True
    rows: int = ROWS


class CausalModel:
    """Weights, tokenizer and layout of one model. Not thread-safe: one thread at a time.

    `masks` are its adapter's, if any; `drafting` chooses which sources of drafts are used.
    """

    def __init__(
        self,
        name: str,
        network: Qwen2Network,
        tokenizer: Tokenizer,
        cache_bytes: int,
        budget: FimBudget | None = None,
        masks: MaskDrafts | None = None,
    ) -> None:
        self.name = name
        self.network = network
        self.codec = HfCodec(tokenizer)
        self.table = TokenTable(tokenizer, network.config.vocabulary)
        self.layout = FimLayout(self.codec, self.codec.last_word, budget or FimBudget())
        self.stream = Stream(network, self.table)
        self._search = BeamSearch(network, self.table)
        self._scorer = Scorer(network, self.table)
        self.masks = masks
        self.drafting = Drafting()
        self._special = frozenset(
            index for index in map(tokenizer.token_to_id, ENDS_OF_MIDDLE) if index is not None
        )
        self._prompts = PromptCache(network, cache_bytes)

    def ends(
        self,
        lines: int,
        tokens: int,
        over: Callable[[bytes], bool] | None = None,
        unlikely: float = -math.inf,
    ) -> Ends:
        """The ends of a gap with at most `lines` lines and `tokens` tokens; others as in `Ends`."""
        return Ends(self._special, lines, tokens, over, unlikely)

    def read(self, prompt: FimPrompt) -> ReadPrompt:
        """Read the prompt; tokens that were read earlier are reused."""
        return self._prompts.read(prompt.tokens)

    def unread(self, prompt: FimPrompt) -> int:
        """How many tokens of the prompt would have to be read."""
        return len(prompt.tokens) - self._prompts.known(prompt.tokens)

    def read_piece(self, prompt: FimPrompt, tokens: int, check: Callable[[], None]) -> bool:
        """Read the next `tokens` tokens of a prompt; False once all of it is read.

        If `check` raises meanwhile, nothing of the piece is kept.
        """
        end = self._prompts.known(prompt.tokens) + tokens
        self._prompts.read(prompt.tokens[:end], check=check)
        return end < len(prompt.tokens)

    def greedy(
        self,
        prompt: FimPrompt,
        ends: Ends,
        control: RunControl,
        kept: Sequence[int] = (),
        on_pass: OnPass = lambda tokens, refused, ahead: None,
    ) -> tuple[Written, ReadPrompt]:
        """The likeliest text, and the prompt as read. `kept` are tokens of the last draft.

        Drafts come from the tokenizer's own tokens at the end of the prefix, from `kept`, from
        repetitions in the prompt, and from masks.
        """
        lookup = Lookup(prompt.tokens) if self.drafting.lookup else None
        masks = self.masks if self.drafting.masks else None
        drafter = BestDrafts(lookup, masks, self._ending(ends), kept, self.drafting.rows)
        read = self._prompts.read(prompt.tokens, drafter.first(prompt.healed))
        written = self.stream.greedy(read, prompt.rest, ends, drafter, control, on_pass)
        read.forget_ahead(len(prompt.tokens))
        return written, read

    def beams(
        self,
        prompt: FimPrompt,
        read: ReadPrompt,
        ends: Ends,
        limits: BeamLimits,
        control: RunControl,
    ) -> tuple[Written, ...]:
        """The likeliest texts of a beam search, best first (see `BeamSearch`)."""
        return self._search.beams(read, prompt.rest, ends, limits, control)

    def scores(
        self, prompt: FimPrompt, read: ReadPrompt, ends: Ends, texts: Sequence[str]
    ) -> tuple[Written, ...]:
        """How likely each text is in the gap."""
        targets = [self.layout.text(prompt, text) for text in texts]
        return self._scorer.scores(read.slots, read.states, prompt.rest, ends, targets)

    def followed(
        self, prefix: str, texts: Sequence[str], suffix: str
    ) -> tuple[tuple[float, float], ...]:
        """Log-probabilities of texts and of what follows them, without the suffix in the prompt.

        For each text, in nats: that of the text after the prefix, and that of `suffix` after both.
        """
        prompt = self.layout.left_to_right(prefix)
        read = self._prompts.read(prompt.tokens)
        follows = [self.layout.text(prompt, text + suffix) for text in texts]
        ends = self.ends(_ANY, _ANY)
        scored = self._scorer.scores(read.slots, read.states[:1], prompt.rest, ends, follows)
        rest = prompt.rest.decode("utf-8", "replace")
        found = []
        for text, written in zip(texts, scored, strict=True):
            length = len(self.codec.encode(rest + text))
            found.append((sum(written.log_probs[:length]), sum(written.log_probs[length:])))
        return tuple(found)

    def _ending(self, ends: Ends) -> Ending:
        def ending(written: Sequence[int], token: int) -> bool:
            said = self.table.join([*written, token])
            return ends.reached(token, said.count(b"\n"))

        return ending

    def forget_prompts(self) -> None:
        """Free the memory of read prompts."""
        self._prompts.clear()
