"""The chat backend against the answer formats of chat servers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dgls.config import Settings, changed
from dgls.engine.backends.chat import ChatBackend
from dgls.engine.backends.choose import backend_of
from dgls.errors import DglsError, EngineBusyError, RemoteError, Stopped
from dgls.fill.stop import StopToken
from dgls.protocol import FillReply, FillRequest, Gap, Limits
from tests.support.llama_cpp import llama_cpp_url
from tests.support.remote import KEY, Answer, FakeServer, fake_server, models

COMPLETIONS, MODELS = "/v1/chat/completions", "/v1/models"
WAIT_S = 20.0
FENCED = "```python\nsum(items)\n```"
REQUEST = FillRequest(("def f(items):\n    return ", "\n"), (Gap(),))

_USAGE = {"prompt_tokens": 90, "completion_tokens": 8, "total_tokens": 98}
_HEAD = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1795000000, "model": "tiny"}
SHAPES = {
    # Each as in the server's own documentation or source; only the text is ours.
    "SGLang": {
        **_HEAD,
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": FENCED,
                    "reasoning_content": None,
                    "tool_calls": None,
                },
                "logprobs": None,
                "finish_reason": "stop",
                "matched_stop": 106,
            }
        ],
        "usage": {**_USAGE, "prompt_tokens_details": None},
        "metadata": {"weight_version": "default"},
    },
    "NIM and vLLM": {
        **_HEAD,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": FENCED, "reasoning": None},
                "logprobs": None,
                "finish_reason": "stop",
                "stop_reason": 106,
                "token_ids": None,
            }
        ],
        "usage": _USAGE,
        "prompt_logprobs": None,
        "kv_transfer_params": None,
    },
    "MLX": {
        **_HEAD,
        "system_fingerprint": "0.30-0.31-macOS-arm64-applegpu_g14s",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "logprobs": {"token_logprobs": [], "top_logprobs": [], "tokens": []},
                "message": {"role": "assistant", "content": FENCED, "tool_calls": []},
            }
        ],
        "usage": _USAGE,
    },
    "MLX-VLM": {
        "model": "tiny",
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": FENCED}}],
        "usage": {"input_tokens": 90, "output_tokens": 8, "total_tokens": 98, "peak_memory": 1.5},
    },
    "llama.cpp": {
        **_HEAD,
        "system_fingerprint": "b6210-a094f381",
        "choices": [
            {
                "finish_reason": "stop",
                "index": 0,
                "message": {
                    "role": "assistant",
                    "reasoning_content": "The sum.",
                    "content": FENCED,
                },
            }
        ],
        "usage": _USAGE,
        "timings": {"prompt_n": 90, "prompt_ms": 53.7, "predicted_n": 8, "predicted_ms": 80.1},
    },
    "parts": {
        "choices": [
            {"message": {"role": "assistant", "content": [{"type": "text", "text": FENCED}]}}
        ]
    },
}


def saying(text: str | None) -> Answer:
    message = {"role": "assistant", "content": text}
    return lambda exchange: exchange.reply({"choices": [{"index": 0, "message": message}]})


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with fake_server({MODELS: models(), COMPLETIONS: saying(FENCED)}) as fake:
        yield fake


@pytest.fixture
def backend(server: FakeServer, tmp_path: Path) -> ChatBackend:
    return loaded(server, tmp_path)


def loaded(server: FakeServer, folder: Path, **remote: Any) -> ChatBackend:
    key = folder / "key"
    key.write_text(KEY)
    key.chmod(0o600)
    values = {"url": server.url + "/v1/", "key_file": str(key), "timeout_seconds": WAIT_S, **remote}
    made = backend_of(changed(Settings(), {"engine": {"backend": "chat"}, "remote": values}))
    assert isinstance(made, ChatBackend)
    made.load(lambda share, what: None)
    return made


def fill(backend: ChatBackend, request: FillRequest = REQUEST) -> FillReply:
    return backend.fill(request, StopToken())


@pytest.mark.parametrize("shape", SHAPES)
def test_the_code_is_found_in_every_servers_reply(
    server: FakeServer, backend: ChatBackend, shape: str
) -> None:
    server.pages[COMPLETIONS] = lambda exchange: exchange.reply(SHAPES[shape])
    reply = fill(backend)
    assert reply.best.texts == ("sum(items)",)
    assert reply.best.proposal == "chat"
    assert reply.model == f"tiny at {server.url.removeprefix('http://')}"


def test_the_request_has_only_parameters_that_every_server_accepts(
    server: FakeServer, backend: ChatBackend
) -> None:
    fill(backend)
    (body,) = server.bodies(COMPLETIONS)
    assert set(body) == {"model", "messages", "max_tokens", "stream"}
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert set(server.keys) == {f"Bearer {KEY}"}


def test_gaps_are_filled_one_after_another(server: FakeServer, backend: ChatBackend) -> None:
    texts = iter(["`first`", "`second`"])
    server.pages[COMPLETIONS] = lambda exchange: saying(next(texts))(exchange)
    reply = fill(backend, FillRequest(("a = ", "\nb = ", "\n"), (Gap(), Gap())))
    assert reply.best.texts == ("first", "second")
    assert "a = first\nb = <FILL>" in server.bodies(COMPLETIONS)[1]["messages"][0]["content"]


def test_the_most_frequent_answer_comes_first(server: FakeServer, backend: ChatBackend) -> None:
    texts = iter(["`1`", "`2`", "`2`"])
    server.pages[COMPLETIONS] = lambda exchange: saying(next(texts))(exchange)
    reply = fill(backend, FillRequest(REQUEST.parts, limits=Limits(candidates=3)))
    assert [candidate.texts for candidate in reply.candidates] == [("2",), ("1",)]


def test_a_reply_without_a_confidence_is_below_the_threshold(
    backend: ChatBackend,
) -> None:
    reply = fill(backend)
    assert reply.best.confidence < reply.threshold


@pytest.mark.parametrize("answer", [None, "", "<think>", "```", "\x00" * 5000, "`" * 5000])
def test_an_answer_without_code_is_still_a_fill(
    server: FakeServer, backend: ChatBackend, answer: str | None
) -> None:
    server.pages[COMPLETIONS] = saying(answer)
    assert len(fill(backend).best.texts) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (lambda e: e.raw(b"oops", 500), RemoteError, "failed (500)"),
        (lambda e: e.reply({"error": {"message": f"no {KEY}"}}, 400), RemoteError, "no ***"),
        (lambda e: e.reply({}, 401), RemoteError, "refused the key"),
        (lambda e: e.reply({}, 503), EngineBusyError, "busy (503)"),
        (lambda e: e.raw(b"<html>"), RemoteError, "not JSON"),
        (lambda e: e.reply({"choices": None}), RemoteError, "not a chat completion"),
        (lambda e: e.raw(b"{", promised=50), RemoteError, "cannot be reached"),
    ],
    ids=["500", "400", "401", "503", "nonsense", "shape", "half a reply"],
)
def test_a_failing_server_raises_one_clean_error(
    server: FakeServer,
    backend: ChatBackend,
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
    kind: type[DglsError],
    words: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.pages[COMPLETIONS] = answer
    with pytest.raises(kind) as caught:
        fill(backend)
    assert words in str(caught.value)
    assert KEY not in str(caught.value) + caplog.text


def test_a_stop_and_a_deadline_close_the_connection(
    server: FakeServer, backend: ChatBackend
) -> None:
    server.pages[COMPLETIONS] = lambda exchange: exchange.hang()
    stop = StopToken()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(backend.fill, REQUEST, stop)
        assert server.waiting.acquire(timeout=WAIT_S)
        stop.stop("cancelled")
        with pytest.raises(Stopped, match="cancelled"):
            future.result(WAIT_S)
    assert server.gone.wait(WAIT_S)
    with pytest.raises(Stopped, match="within the limit of 200 ms"):
        fill(backend, FillRequest(REQUEST.parts, limits=Limits(200)))


def test_a_request_without_candidates_sends_nothing(
    server: FakeServer, backend: ChatBackend
) -> None:
    assert fill(backend, FillRequest(REQUEST.parts, limits=Limits(candidates=0))).candidates == ()
    assert server.bodies(COMPLETIONS) == []


def test_a_model_not_listed_by_the_server_may_be_named(server: FakeServer, tmp_path: Path) -> None:
    assert loaded(server, tmp_path, model="alias").name.startswith("alias at ")


@pytest.mark.model
def test_a_real_llama_cpp_server_answers_a_chat() -> None:
    chosen = {"engine.backend": "chat", "remote.url": llama_cpp_url()}
    backend = backend_of(changed(Settings(), chosen))
    backend.load(lambda share, what: None)
    reply = backend.fill(REQUEST, StopToken())
    assert len(reply.best.texts) == 1
    assert "\n" not in reply.best.texts[0]
    assert "```" not in reply.best.texts[0]


ASKED = FillRequest(
    ("x = 1\n", "\n"), (Gap("def f(a):\n    return a"),), path="a.py", instruction="add types"
)


def test_an_instruction_is_sent_as_the_servers_chat() -> None:
    """The turns are plain text in their own fields, and the answer is used unchanged."""
    answer = "<think>Hm.</think>```python\ndef f(a: int):\n    return a\n```"
    shape = {"choices": [{"message": {"role": "assistant", "content": answer}}]}
    pages = {MODELS: models(), COMPLETIONS: lambda exchange: exchange.reply(shape)}
    with fake_server(pages) as server:
        settings = changed(Settings(), {"engine.backend": "chat", "remote.url": server.url})
        backend = ChatBackend(settings)
        backend.load(lambda share, what: None)
        reply = backend.fill(ASKED, StopToken())
    (body,) = server.bodies(COMPLETIONS)
    system, user = body["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    assert user["content"].endswith("Instruction: add types")
    assert "def f(a)" not in system["content"]
    assert reply.best.texts == ("```python\ndef f(a: int):\n    return a\n```",)
