"""An edit by instruction with a chat-tuned causal model, written greedily.

An edit repeats most of the code that it edits, so that code is the draft. While the model repeats
it, a pass accepts several tokens; where the model differs, drafts are looked up in the prompt
(`dgls.inference.drafts`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dgls.canvas.fim import FimPrompt
from dgls.canvas.instruct import Conversation, conversation
from dgls.checkpoint.chat_template import ChatTemplate
from dgls.checkpoint.codec import HfCodec
from dgls.errors import InputError, ModelError, Stopped
from dgls.fill.running import Running
from dgls.inference.causal_model import CausalModel
from dgls.inference.written import OnPass, Written
from dgls.protocol import Fill, FillReply

MAX_TOKENS = 4096
"""The longest prompt of an edit, in tokens."""

UNJUDGED = 0.5
"""The confidence of an edit: nothing measures whether it is right."""

_ANY = 1_000_000


@dataclass(frozen=True, slots=True)
class InstructionEditor:
    """Edits with a causal model. `template` is slow, so it is called at the first edit."""

    model: CausalModel
    template: Callable[[], ChatTemplate | None]

    def edit(self, running: Running) -> FillReply:
        """The model's answer to the request's instruction.

        Raises `ModelError` if the model has no chat template, `InputError` if the code is too long
        for it, `Stopped` if the request was stopped.
        """
        asked = conversation(running.request, around=False)
        prompt = self._prompt(asked)
        code = self.model.codec.encode(asked.code)
        ends = self.model.ends(_ANY, most_written(len(code)), closes(asked.fence))
        cost = running.cost
        with cost.stages.timed("total"), cost.stages.timed("draft"):
            try:
                written, read = self.model.greedy(
                    prompt, ends, running.control, code, self._teller(running, asked)
                )
            except Stopped:
                running.stop.check()
                raise
        running.stop.check()
        return FillReply(
            candidates=(self._fill(asked, written),),
            model=self.model.name,
            complete=written.complete,
            steps=written.passes,
            written=len(written.tokens),
            passes=written.passes + 1,
            prompt_tokens=len(prompt.tokens),
            cached_tokens=read.cached,
            timings=cost.stages.timings,
        )

    def _prompt(self, asked: Conversation) -> FimPrompt:
        template = self.template()
        if template is None:
            raise cannot_edit(self.model.name, "it has no chat template")
        tokens = chat_tokens(self.model.codec, template, asked)
        if len(tokens) > MAX_TOKENS:
            raise InputError(
                f"The code and the instruction take {len(tokens)} tokens, more than {MAX_TOKENS}; "
                f"nothing was changed. Select less."
            )
        return FimPrompt(tokens, b"", ())

    def _fill(self, asked: Conversation, written: Written) -> Fill:
        answer = asked.begun + written.text(self.model.table, _ANY)
        if written.last is not None:
            # The model ended its turn without closing the block.
            answer += f"\n{asked.fence}"
        return Fill((answer,), written.score, UNJUDGED, "edit", len(written.tokens))

    def _teller(self, running: Running, asked: Conversation) -> OnPass:
        table, known = self.model.table, 0

        def on_pass(tokens: Sequence[int], refused: Sequence[int], ahead: Sequence[int]) -> None:
            nonlocal known
            if running.on_draft is None:
                return
            text = asked.begun + table.join(tokens).decode("utf-8", "replace")
            running.cost.stream_passes += 1
            new = table.shown(tokens[known:])
            running.tell((text,), new, table.shown(refused), table.shown(ahead))
            known = len(tokens)

        return on_pass


def chat_tokens(codec: HfCodec, template: ChatTemplate, asked: Conversation) -> tuple[int, ...]:
    """The prompt. Special tokens are recognized in the template only, never in a user's text."""
    tokens: list[int] = []
    for piece in template.pieces(asked.system, asked.user):
        tokens += codec.encode_marked(piece.text) if piece.is_template else codec.encode(piece.text)
    return (*tokens, *codec.encode(asked.begun))


def most_written(code: int) -> int:
    """The most tokens of an answer for `code` tokens: twice as many, and room to add something."""
    return 2 * code + 256


def closes(fence: str) -> Callable[[bytes], bool]:
    """Tells whether an answer that starts inside a code block has closed it."""
    closing = re.compile(rb"(?:^|\n)[ \t]*" + re.escape(fence.encode()))
    return lambda said: closing.search(said) is not None


def cannot_edit(name: str, why: str) -> ModelError:
    """The error for a model that cannot follow an instruction."""
    return ModelError(
        f"{name} cannot edit by instruction ({why}); the code was not changed. This one "
        "can: dgls model get qwen2.5-coder-1.5b-instruct"
    )
