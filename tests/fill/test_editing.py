"""An edit by instruction with the tiny causal model: the path, not the result."""

from __future__ import annotations

import dataclasses
import time

import pytest

from dgls.canvas.fim import FimPrompt
from dgls.canvas.instruct import conversation
from dgls.checkpoint.chat_template import ChatTemplate
from dgls.errors import InputError, ModelError, Stopped
from dgls.fill.causal import CausalFiller
from dgls.fill.confidence import Confidence
from dgls.fill.editing import InstructionEditor, chat_tokens, closes, most_written
from dgls.fill.stop import StopToken
from dgls.inference.causal_model import CausalModel, Drafting
from dgls.inference.control import RunControl
from dgls.inference.written import Ends
from dgls.protocol import Draft, FillRequest, Gap, Limits
from tests.checkpoint.test_chat_template import CHAT_ML
from tests.support.qwen2 import tiny_causal

REQUEST = FillRequest(
    ("", "\n"),
    (Gap("def area(width, height):\n    return width * height"),),
    instruction="add types",
)


@pytest.fixture(scope="module")
def model() -> CausalModel:
    return tiny_causal()


def filler_of(model: CausalModel, template: str | None = CHAT_ML) -> CausalFiller:
    filler = CausalFiller(model, Confidence())
    filler.editor = InstructionEditor(model, lambda: ChatTemplate(template) if template else None)
    return filler


def test_the_answer_is_the_greedy_continuation_of_the_chat(model: CausalModel) -> None:
    """Drafts from the code and from lookup change the number of passes, but no token."""
    asked = conversation(REQUEST, around=False)
    prompt = FimPrompt(chat_tokens(model.codec, ChatTemplate(CHAT_ML), asked), b"", ())
    most = most_written(len(model.codec.encode(asked.code)))
    plain = dataclasses.replace(model.drafting, lookup=False)
    model.drafting, kept = plain, model.drafting
    ends = model.ends(10**6, most, closes(asked.fence))
    written, _ = model.greedy(prompt, ends, RunControl())
    model.drafting = kept
    reply = filler_of(model).fill(REQUEST, StopToken())
    assert reply.best.texts[0].startswith(asked.begun + written.text(model.table, 10**6))
    assert reply.best.proposal == "edit"
    assert reply.written == len(written.tokens)
    assert reply.prompt_tokens == len(prompt.tokens)


def test_the_selected_code_serves_as_a_draft(model: CausalModel) -> None:
    """A model that writes its draft again does so several tokens per pass."""
    asked = conversation(REQUEST, around=False)
    prompt = FimPrompt(chat_tokens(model.codec, ChatTemplate(CHAT_ML), asked), b"", ())
    ends = Ends(frozenset(), 10**6, 24)
    written, _ = model.greedy(prompt, ends, RunControl())
    again, _ = model.greedy(prompt, ends, RunControl(), written.tokens)
    assert again.tokens == written.tokens
    assert again.passes < written.passes / 2
    assert model.drafting == Drafting()


def test_an_answer_has_a_token_limit_and_a_deadline(model: CausalModel) -> None:
    reply = filler_of(model).fill(REQUEST, StopToken())
    code = len(model.codec.encode(REQUEST.gaps[0].text))
    assert reply.best.tokens <= most_written(code) + model.drafting.rows
    late = dataclasses.replace(REQUEST, limits=Limits(deadline_ms=1.0))
    began = time.monotonic()
    assert not filler_of(model).fill(late, StopToken()).complete
    assert time.monotonic() - began < 5


def test_an_edit_can_be_stopped(model: CausalModel) -> None:
    stop = StopToken()
    drafts: list[Draft] = []

    def on_draft(draft: Draft) -> None:
        drafts.append(draft)
        stop.stop("cancelled")

    with pytest.raises(Stopped, match="cancelled"):
        filler_of(model).fill(REQUEST, stop, on_draft)
    assert len(drafts) == 1
    assert drafts[0].texts[0].startswith("```python\n")


@pytest.mark.parametrize(
    ("filler", "reason"),
    [
        (lambda model: CausalFiller(model, Confidence()), "too small"),
        (lambda model: filler_of(model, None), "no chat template"),
    ],
)
def test_a_model_that_cannot_edit_says_so(model: CausalModel, filler, reason: str) -> None:
    with pytest.raises(ModelError, match=f"cannot edit by instruction .*{reason}.*dgls model get"):
        filler(model).fill(REQUEST, StopToken())


def test_code_that_is_too_long_is_refused(model: CausalModel) -> None:
    long = dataclasses.replace(REQUEST, gaps=(Gap("x = '" + "é1" * 4000 + "'"),))
    with pytest.raises(InputError, match="Select less"):
        filler_of(model).fill(long, StopToken())


@pytest.mark.parametrize(
    ("said", "closed"),
    [
        (b"x = 1\n```", True),
        (b"x = 1\n  ```\nmore", True),
        (b"```", True),
        (b"x = '```'", False),
        (b"x = 1\n``", False),
    ],
)
def test_a_code_block_ends_at_its_fence(said: bytes, closed: bool) -> None:
    assert closes("```")(said) is closed
