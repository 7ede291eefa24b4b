"""The infill backend against recorded answers of llama.cpp's server, and the server itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dgls.config import Settings, changed
from dgls.engine.backends.choose import backend_of
from dgls.engine.backends.infill import INFILL, InfillBackend, answer_of, body_of
from dgls.errors import RemoteError, SettingError, Stopped
from dgls.fill.stop import StopToken
from dgls.protocol import FillReply, FillRequest, Gap, Limits, Snippet
from tests.support.llama_cpp import llama_cpp_url
from tests.support.remote import KEY, Answer, FakeServer, fake_server, models

MODELS = "/v1/models"
MODEL_FILE = "/models/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
REQUEST = FillRequest(("import math\n\ndef area(r):\n    return ", "\n"), (Gap(),))

# A real answer of llama.cpp's server; only the text is shorter.
ANSWER: dict[str, Any] = {
    "index": 0,
    "content": "math.pi",
    "tokens": [],
    "stop": True,
    "model": MODEL_FILE,
    "tokens_predicted": 3,
    "tokens_evaluated": 29,
    "stop_type": "word",
    "stopping_word": "\n",
    "timings": {"cache_n": 20, "prompt_n": 9, "prompt_ms": 15.5, "predicted_ms": 30.25},
    "completion_probabilities": [
        {"id": 10374, "token": "math", "logprob": -0.25, "top_logprobs": []},
        {"id": 24259, "token": ".pi", "logprob": -0.05, "top_logprobs": []},
    ],
}


def server(answer: Answer | dict[str, Any] = ANSWER) -> Any:
    """A llama.cpp server with this answer."""
    page = answer if callable(answer) else (lambda exchange: exchange.reply(answer))
    return fake_server({MODELS: models(MODEL_FILE), INFILL: page})


@pytest.fixture
def llama() -> Iterator[FakeServer]:
    with server() as running:
        yield running


def loaded(running: FakeServer, **settings: str) -> InfillBackend:
    """The backend of the settings, after it has asked the server."""
    chosen = {"engine.backend": "infill", "remote.url": running.url, **settings}
    backend = backend_of(changed(Settings(), chosen))
    assert isinstance(backend, InfillBackend)
    backend.load(lambda share, what: None)
    return backend


def filled(running: FakeServer, request: FillRequest = REQUEST) -> FillReply:
    return loaded(running).fill(request, StopToken())


def test_the_cursors_line_is_sent_as_the_prompt(llama: FakeServer) -> None:
    filled(llama)
    (body,) = llama.bodies(INFILL)
    assert body["input_prefix"] == "import math\n\ndef area(r):\n"
    assert body["prompt"] == "    return "
    assert body["input_suffix"] == "\n"
    assert (body["stop"], body["temperature"], body["n_probs"]) == (["\n"], 0.0, 1)


def test_the_reply_has_costs_and_confidence(llama: FakeServer) -> None:
    reply = filled(llama)
    (fill,) = reply.candidates
    assert (fill.texts, fill.tokens, fill.proposal) == (("math.pi",), 3, "draft")
    assert fill.score == pytest.approx(-0.3)
    assert fill.confidence == pytest.approx(0.741, abs=0.001)
    assert (reply.prompt_tokens, reply.cached_tokens, reply.passes) == (29, 20, 3)
    assert (reply.timings.encode_ms, reply.timings.draft_ms) == (15.5, 30.25)
    assert reply.model.startswith("qwen2.5-coder-0.5b-instruct-q4_k_m at 127.0.0.1")


def test_other_files_lines_and_candidates_are_asked_for() -> None:
    snippets = (Snippet("units.py", "PI = 3\n"),)
    body = body_of(FillRequest(("x = ", ""), (Gap(max_lines=3),), snippets=snippets, seed=7), 2)
    assert body["input_extra"] == [{"filename": "units.py", "text": "PI = 3\n"}]
    assert body["n_predict"] == 120
    assert (body["stop"], body["seed"]) == ([], 9)
    assert body["temperature"] > 0


def test_equal_candidates_count_once(llama: FakeServer) -> None:
    reply = filled(llama, FillRequest(("x = ", ""), limits=Limits(candidates=3)))
    assert len(llama.bodies(INFILL)) == 3
    assert len(reply.candidates) == 1


def test_a_gap_sees_the_fills_of_earlier_gaps(llama: FakeServer) -> None:
    reply = filled(llama, FillRequest(("a = ", "\nb = ", "\n"), (Gap(), Gap())))
    assert reply.best.texts == ("math.pi", "math.pi")
    assert llama.bodies(INFILL)[1]["input_prefix"] == "a = math.pi\n"


def test_a_gaps_line_limit_cuts_the_servers_text() -> None:
    with server({**ANSWER, "content": "one\ntwo\nthree"}) as running:
        reply = filled(running, FillRequest(("x", ""), (Gap(max_lines=2),)))
    assert reply.best.texts == ("one\ntwo",)


def test_without_probabilities_the_confidence_is_one_half() -> None:
    with server({"content": "1"}) as running:
        assert filled(running).best.confidence == 0.5


@pytest.mark.parametrize("wrong", [[], {}, {"content": 3}, {"content": "x", "timings": 3}])
def test_a_reply_not_from_llama_cpp_is_refused(wrong: Any) -> None:
    with pytest.raises(RemoteError, match=r"llama\.cpp"):
        answer_of(wrong)


def test_a_slow_server_is_stopped_at_the_deadline() -> None:
    with server(lambda exchange: exchange.hang()) as running:
        request = FillRequest(("x", ""), limits=Limits(deadline_ms=50))
        with pytest.raises(Stopped, match="50 ms"):
            filled(running, request)
        assert running.gone.wait(10)


def test_an_unreachable_server_is_named() -> None:
    with server() as running:
        url = running.url
    backend = backend_of(changed(Settings(), {"engine.backend": "infill", "remote.url": url}))
    with pytest.raises(RemoteError, match="cannot be reached"):
        backend.load(lambda share, what: None)


def test_the_key_is_sent_and_never_shown(llama: FakeServer, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    key.chmod(0o600)
    loaded(llama, **{"remote.key_file": str(key)}).fill(REQUEST, StopToken())
    assert set(llama.keys) == {f"Bearer {KEY}"}


def test_a_backend_without_an_address_is_refused() -> None:
    with pytest.raises(SettingError, match=r"remote\.url"):
        backend_of(changed(Settings(), {"engine.backend": "infill"}))


@pytest.mark.model
def test_a_real_llama_cpp_server_fills_a_gap() -> None:
    reply = filled(FakeServer(url=llama_cpp_url()))
    assert "math.pi" in reply.best.texts[0]
    assert "\n" not in reply.best.texts[0]
    assert 0 < reply.best.confidence <= 1
    assert reply.prompt_tokens > 10
