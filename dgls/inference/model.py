"""A loaded model for the engine: texts, tokens and numbers in and out, no tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from dgls.canvas import chat, infill
from dgls.canvas.chat import ChatBudget, ChatLayout
from dgls.canvas.infill import InfillBudget, InfillLayout
from dgls.canvas.types import Canvas, Layout
from dgls.checkpoint.codec import HfCodec
from dgls.checkpoint.metadata import Metadata
from dgls.diffusion.loop import DenoiseSettings, denoise
from dgls.diffusion.noise import keep_share, uniform_tokens
from dgls.diffusion.reading import Denoiser, Reader
from dgls.diffusion.revision import revise
from dgls.errors import CheckpointError
from dgls.inference import draft as drafting
from dgls.inference import judge as judging
from dgls.inference.control import RunControl
from dgls.inference.draft import Bounds, CausalDraft
from dgls.inference.ngram_cache import NO_CACHE, NgramCache
from dgls.inference.prefix_cache import Prefix, PrefixCache
from dgls.network.hardware import USUAL_BYTES
from dgls.network.interface import Network, SteppingNetwork
from dgls.network.sharing import SharedNetwork

OnCanvas = Callable[[int, tuple[int, ...], tuple[bool, ...]], None]
"""Called after each step with its number, the canvas's best tokens, and which are accepted."""


@dataclass(frozen=True, slots=True)
class FilledCanvas:
    """`tokens` [canvas] after `steps` steps; `complete` is False if a deadline cut them short."""

    tokens: tuple[int, ...]
    steps: int
    complete: bool = True


class Model:
    """One checkpoint's weights, tokenizer and layout.

    Several threads may use it at once, if all do so inside `network.taking_part()`.
    """

    def __init__(
        self,
        network: Network,
        codec: HfCodec,
        metadata: Metadata,
        cache_bytes: int = USUAL_BYTES,
    ) -> None:
        """`cache_bytes` is the most memory that encoded prompts may take."""
        self.network = SharedNetwork(network, self.forget_prompts)
        self.codec = codec
        self.metadata = metadata
        self.layout: Layout = layout_of(codec, metadata)
        ends, pad, marks = _special_tokens(metadata)
        self.end = codec.token_id(ends)
        self.pad = codec.token_id(pad)
        self._marks = {codec.token_id(mark) for mark in marks}
        self._prompts = PrefixCache(self.network, cache_bytes)
        self._repeated: tuple[tuple[int, ...], NgramCache] = ((), NO_CACHE)

    @property
    def name(self) -> str:
        """The model's name, as replies show it."""
        return self.metadata.name

    @cached_property
    def _lines(self) -> list[int]:
        """The number of line breaks in each token, by id; computed at the first draft."""
        return _line_breaks(self.codec, self.network.vocabulary)

    def encode(self, prompt: Sequence[int]) -> Prefix:
        """The encoded prompt; the part shared with earlier prompts is not encoded again."""
        return self._prompts.encode(prompt)

    @property
    def kept_prompts(self) -> int:
        """How many encoded prompts are kept."""
        return self._prompts.prompts

    def forget_prompts(self) -> None:
        """Free the memory of encoded prompts."""
        self._prompts.clear()

    def denoiser(self, prefix: Prefix, rows: int = 1) -> Denoiser:
        """The denoiser of `rows` canvases that follow the prompt."""
        past = prefix.past.for_batch(rows)

        def logits(tokens: Tensor, conditioning: Tensor | None) -> Tensor:
            return self.network.canvas(tokens, past, conditioning)

        return logits

    def reader(self, prefix: Prefix, rows: int = 1) -> Denoiser | Reader:
        """The reader or denoiser of `rows` canvases that follow the prompt, for a denoise loop."""
        network = self.network.inner
        if isinstance(network, SteppingNetwork):
            return self.network.counted(network.reader(prefix.past.for_batch(rows)))
        return self.denoiser(prefix, rows)

    def drafts(
        self, prefix: Prefix, slots: int, lines: int, beams: int, control: RunControl
    ) -> tuple[CausalDraft, ...]:
        """Causal fills of at most `slots` tokens and `lines` lines, best first, at least one."""
        return drafting.drafts(
            self.network,
            prefix,
            Bounds(self.end, slots, lines, self._lines, beams),
            cache=self._cache_of(prefix),
            control=control,
        )

    def judge(
        self, prefix: Prefix, targets: Sequence[Sequence[int]]
    ) -> tuple[tuple[float, ...], ...]:
        """The causal log-probability in nats of each token of each target after the prompt."""
        return judging.judge(self.network, prefix, targets, self._cache_of(prefix))

    def denoise(
        self,
        prefix: Prefix,
        canvases: Sequence[Canvas],
        strengths: Sequence[float],
        settings: DenoiseSettings,
        seed: int,
        control: RunControl,
        on_step: OnCanvas | None = None,
    ) -> tuple[FilledCanvas, ...]:
        """Denoise canvases of one width from noise, all at once.

        The share `strengths[gap]` of a gap's old text is noised. `on_step` gets the first canvas.
        """
        generator = torch.Generator(self.network.device).manual_seed(seed)
        tokens, open_ = self._tensors(canvases)
        kept = torch.cat([_kept(canvas, strengths, generator) for canvas in canvases])
        noise = uniform_tokens(tokens, self.network.vocabulary, generator)
        result = denoise(
            self.reader(prefix, len(canvases)),
            torch.where(open_ & ~kept, noise, tokens),
            open_,
            settings,
            generator,
            accepted=kept,
            should_stop=control.should_stop,
            deadline=control.deadline,
            on_step=_plain(on_step, open_),
        )
        return tuple(
            FilledCanvas(tuple(row), result.steps, result.complete)
            for row in result.tokens.tolist()
        )

    def revise(
        self,
        prefix: Prefix,
        canvas: Canvas,
        drafts: Sequence[CausalDraft],
        passes: int,
        control: RunControl,
        on_step: OnCanvas | None = None,
    ) -> FilledCanvas:
        """Put a draft into each gap and let the denoiser overrule tokens where it is surer."""
        tokens, open_ = self._tensors([canvas])
        sure = torch.zeros(tokens.shape, device=tokens.device)
        for gap, drafted in zip(canvas.gaps, drafts, strict=True):
            put, log_probs = self._target(drafted, len(gap))
            tokens[0, gap.start : gap.end] = torch.tensor(put)
            sure[0, gap.start : gap.end] = torch.tensor(log_probs)
        result = revise(
            self.denoiser(prefix),
            tokens,
            open_,
            sure,
            passes,
            should_stop=control.should_stop,
            on_step=_plain(on_step, open_),
        )
        return FilledCanvas(_row(result.tokens), result.passes)

    def _cache_of(self, prefix: Prefix) -> NgramCache:
        """The prompt's repetitions; the last prompt's are kept, because a fill asks repeatedly."""
        tokens, cache = self._repeated
        if tokens != prefix.tokens:
            text = [token for token in prefix.tokens if token not in self._marks]
            cache = NgramCache(text, self.metadata.cache_shares)
            self._repeated = (prefix.tokens, cache)
        return cache

    def _target(self, drafted: CausalDraft, slots: int) -> tuple[list[int], list[float]]:
        """A draft as canvas tokens, ended and padded to `slots`, and their log-probabilities."""
        put = list(drafted.tokens[:slots])
        log_probs = list(drafted.log_probs[:slots])
        if not drafted.ended and len(put) < slots:
            put.append(self.end)
        put += [self.pad] * (slots - len(put))
        return put, log_probs + [0.0] * (slots - len(log_probs))

    def _tensors(self, canvases: Sequence[Canvas]) -> tuple[Tensor, Tensor]:
        """Tokens and open positions of canvases of one width: [batch, canvas] each."""
        device = self.network.device
        tokens = torch.tensor([canvas.tokens for canvas in canvases], device=device)
        return tokens, ~torch.tensor([canvas.pinned for canvas in canvases], device=device)


def layout_of(codec: HfCodec, metadata: Metadata) -> Layout:
    """The layout of the checkpoint's family. Raises `CheckpointError` for an unknown family."""
    budget = {**metadata.budget, "window": metadata.window}
    try:
        if metadata.family == "infill":
            return InfillLayout(codec, InfillBudget(**budget))
        if metadata.family == "chat":
            return ChatLayout(codec, ChatBudget(**budget))
    except TypeError as error:
        raise CheckpointError(f"The checkpoint's budget is not valid ({error}).") from error
    raise CheckpointError(
        f"{metadata.name} is of a family that this version of dgls does not know "
        f"({metadata.family}); nothing was loaded. Update dgls."
    )


def _special_tokens(metadata: Metadata) -> tuple[str, str, tuple[str, ...]]:
    """The end-of-gap token, the padding token, and the tokens that occur in prompts only.

    The mark between prefix and gap never occurs in a text that repeats itself.
    """
    if metadata.family == "chat":
        return chat.END_OF_TURN, chat.EOS, ()
    return infill.END, infill.PAD, (infill.MIDDLE,)


def _line_breaks(codec: HfCodec, vocabulary: int) -> list[int]:
    """The number of line breaks in each token, by id; ids beyond the tokenizer's have none."""
    breaks = [codec.decode([token]).count("\n") for token in range(codec.size)]
    return breaks + [0] * (vocabulary - codec.size)


def _kept(canvas: Canvas, strengths: Sequence[float], generator: torch.Generator) -> Tensor:
    """Which positions keep their old token at first: bool [1, canvas]."""
    seeded = torch.tensor([canvas.seeded], device=generator.device)
    kept = torch.zeros_like(seeded)
    for gap, strength in zip(canvas.gaps, strengths, strict=True):
        inside = seeded[:, gap.start : gap.end]
        kept[:, gap.start : gap.end] = keep_share(inside, strength, generator)
    return kept


def _plain(on_step: OnCanvas | None, open_: Tensor) -> Callable[[int, Tensor, Tensor], None] | None:
    """`on_step` for a loop over tensors; the accepted flags are those of open positions."""
    if on_step is None:
        return None

    def told(step: int, tokens: Tensor, accepted: Tensor) -> None:
        on_step(step, _row(tokens), tuple(accepted[0][open_[0]].tolist()))

    return told


def _row(tokens: Tensor) -> tuple[int, ...]:
    return tuple(tokens[0].tolist())
