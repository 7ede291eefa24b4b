"""The vLLM backend against a misbehaving server: exactly one answer each, and the right one."""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dgls.canvas.infill import END
from dgls.checkpoint.codec import HfCodec
from dgls.config import Settings, changed
from dgls.engine.backends.choose import backend_of
from dgls.engine.backends.vllm import VllmBackend
from dgls.errors import DglsError, EngineBusyError, RemoteError, SettingError, Stopped
from dgls.fill.stop import StopToken
from dgls.protocol import FillReply, FillRequest, Gap, Limits
from tests.support.checkpoints import save_published, save_tiny
from tests.support.remote import KEY, Exchange, FakeServer, fake_server, models

COMPLETIONS, MODELS, TOKENIZE = "/v1/completions", "/v1/models", "/tokenize"
WAIT_S = 20.0
KNOBS = {"canvas", "steps"}
REQUEST = FillRequest(("def f(items):\n    return ", "\n\nf(1)\n"), (Gap(),))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def codec(checkpoint: Path) -> HfCodec:
    return HfCodec.from_file(checkpoint / "tokenizer.json")


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with fake_server({MODELS: models()}) as fake:
        yield fake


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    path.chmod(0o600)
    return path


def settings(checkpoint: Path, url: str, /, **changes: Any) -> Settings:
    """The backend's settings with `changes` to `remote`, except those of denoising."""
    usual = {"url": url, "timeout_seconds": WAIT_S, "canvas": 64, **changes}
    values = {f"{'denoise' if n in KNOBS else 'remote'}.{n}": v for n, v in usual.items()}
    chosen = {"engine.backend": "vllm", "model.name": str(checkpoint)}
    return changed(Settings(), {**chosen, **values})


def loaded(checkpoint: Path, server: FakeServer, **changes: Any) -> VllmBackend:
    backend = backend_of(settings(checkpoint, server.url, **changes))
    assert isinstance(backend, VllmBackend)
    # The first read, which checks the server, does not interest the tests.
    page = server.pages.setdefault(COMPLETIONS, lambda exchange: canvas_answer(exchange, []))
    server.pages[COMPLETIONS] = lambda exchange: canvas_answer(exchange, [])
    backend.load(lambda share, what: None)
    server.pages[COMPLETIONS] = page
    server.asked.clear()
    return backend


def canvas_answer(exchange: Exchange, tokens: list[int], likely: float = -1.0) -> None:
    """A denoised canvas as vLLM 0.32 sends it: `tokens`, then padding, every token `likely`."""
    width = len(exchange.body["vllm_xargs"]["diffusion_seed_canvas"])
    emitted = [*tokens, *[0] * width][:width]
    asked = {f"token_id:{token}": likely for token in exchange.body.get("logprob_token_ids", [])}
    log_probs = {
        "text_offset": list(range(width)),
        "tokens": [f"token_id:{token}" for token in emitted],
        "token_logprobs": [likely] * width,
        "top_logprobs": [{f"token_id:{token}": likely, **asked} for token in emitted],
    }
    choice = {"index": 0, "text": "", "finish_reason": "length", "token_ids": emitted}
    usage = {"prompt_tokens": 40, "prompt_tokens_details": {"cached_tokens": 32}}
    exchange.reply({"choices": [{**choice, "logprobs": log_probs}], "usage": usage})


def always(text: str, codec: HfCodec) -> Any:
    """Every canvas begins with this text, including pinned positions."""
    tokens = [*codec.encode(text), codec.token_id(END)]
    return lambda exchange: canvas_answer(exchange, tokens)


def fill(backend: VllmBackend, request: FillRequest = REQUEST) -> FillReply:
    return backend.fill(request, StopToken())


def test_a_fill_is_cut_out_of_the_returned_canvas(
    checkpoint: Path, server: FakeServer, codec: HfCodec
) -> None:
    server.pages[COMPLETIONS] = always("items[0]", codec)
    reply = fill(loaded(checkpoint, server))
    assert reply.best.texts == ("items[0]",)
    assert reply.model == f"tiny at {server.url.removeprefix('http://')}"
    assert reply.complete
    assert reply.cached_tokens == 32
    # The text and its end, one nat each.
    assert reply.best.score == -(1 + len(codec.encode("items[0]")))


def test_only_the_text_around_the_gap_is_sent_pinned(
    checkpoint: Path, server: FakeServer, codec: HfCodec
) -> None:
    server.pages[COMPLETIONS] = always("1", codec)
    fill(loaded(checkpoint, server, steps=7))
    denoised, *read = server.bodies(COMPLETIONS)
    arguments = denoised["vllm_xargs"]
    seed = arguments["diffusion_seed_canvas"]
    behind = codec.encode("\n\nf(1)\n")
    assert denoised["model"] == "tiny"
    assert codec.decode(denoised["prompt"]).endswith("return ")
    assert arguments["diffusion_max_steps"] == 7
    assert arguments["diffusion_read_only"] == 1
    assert arguments["diffusion_canvas_length"] == denoised["max_tokens"] == len(seed)
    assert arguments["diffusion_pinned"] == list(range(24, len(seed)))
    assert seed[24 : 24 + len(behind)] == behind
    assert set(denoised) & {"temperature", "seed", "logit_bias", "suffix", "stop"} == set()
    # The judge hides each token of the text once and reads it in one step.
    assert [one["vllm_xargs"]["diffusion_max_steps"] for one in read] == [1, 1]
    hidden = [one["logprob_token_ids"] for one in read]
    assert sorted(token for part in hidden for token in part) == sorted(
        [*codec.encode("1"), codec.token_id(END)]
    )


def test_several_gaps_are_filled_in_one_canvas(
    checkpoint: Path, server: FakeServer, codec: HfCodec
) -> None:
    server.pages[COMPLETIONS] = always("a", codec)
    request = FillRequest(("x = ", "\ny = ", "\n"), (Gap(), Gap()))
    reply = fill(loaded(checkpoint, server), request)
    assert reply.best.texts[0] == "a"
    assert len(reply.best.texts) == 2
    assert "diffusion_pinned" in server.bodies(COMPLETIONS)[0]["vllm_xargs"]


def test_the_likelier_fill_comes_first(
    checkpoint: Path, server: FakeServer, codec: HfCodec, tmp_path: Path
) -> None:
    texts = iter(["bad", "good"])
    unlikely = set(codec.encode("bad")) - set(codec.encode("good"))

    def answer(exchange: Exchange) -> None:
        if "logprob_token_ids" not in exchange.body:
            always(next(texts), codec)(exchange)
            return
        is_bad = bool(unlikely & set(exchange.body["logprob_token_ids"]))
        canvas_answer(exchange, [], -9.0 if is_bad else -0.5)

    server.pages[COMPLETIONS] = answer
    backend = loaded(with_two_draws(checkpoint, tmp_path / "tiny"), server)
    reply = fill(backend, FillRequest(REQUEST.parts, limits=Limits(candidates=2)))
    assert [candidate.texts for candidate in reply.candidates] == [("good",), ("bad",)]
    assert reply.candidates[0].confidence > reply.candidates[1].confidence


def with_two_draws(checkpoint: Path, folder: Path) -> Path:
    """The checkpoint, with two canvases of each length."""
    shutil.copytree(checkpoint, folder)
    known = json.loads((folder / "dgls.json").read_text())
    (folder / "dgls.json").write_text(json.dumps({**known, "strategy": {"noise": 2}}))
    return folder


def test_a_request_without_candidates_warms_the_cache_with_one_short_read(
    checkpoint: Path, server: FakeServer, codec: HfCodec
) -> None:
    server.pages[COMPLETIONS] = always("", codec)
    reply = fill(
        loaded(checkpoint, server), FillRequest(REQUEST.parts, limits=Limits(candidates=0))
    )
    assert reply.candidates == ()
    (body,) = server.bodies(COMPLETIONS)
    assert body["vllm_xargs"]["diffusion_canvas_length"] == 1


def _close(exchange: Exchange) -> None:
    exchange.close_connection = True
    exchange.connection.close()


def _quotes_the_key(exchange: Exchange) -> None:
    exchange.reply({"error": {"message": f"bad key {exchange.headers['Authorization']}"}}, 400)


def _choice(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"token_ids": [1], "logprobs": None, **fields}]}


FAULTS = {
    "500": (lambda e: e.raw(b"Internal Server Error", 500), RemoteError, "failed (500)"),
    "401": (lambda e: e.reply({"error": "Unauthorized"}, 401), RemoteError, "refused the key"),
    "busy": (lambda e: e.reply({}, 429), EngineBusyError, "busy (429)"),
    "not JSON": (lambda e: e.raw(b"<html>hello</html>"), RemoteError, "not JSON"),
    "deep JSON": (lambda e: e.raw(b"[" * 200_000), RemoteError, "not JSON"),
    "other JSON": (lambda e: e.reply([1, 2]), RemoteError, "not a denoised canvas"),
    "no logprobs": (lambda e: e.reply(_choice()), RemoteError, "not a denoised canvas"),
    "no choices": (lambda e: e.reply({"choices": []}), RemoteError, "not a denoised canvas"),
    "half a reply": (
        lambda e: e.raw(b'{"choices"', promised=999),
        RemoteError,
        "cannot be reached",
    ),
    "hangs up": (_close, RemoteError, "cannot be reached"),
    "elsewhere": (lambda e: e.raw(b"", 302), RemoteError, "failed (302)"),
    "quotes the key": (_quotes_the_key, RemoteError, "bad key Bearer ***"),
    "slow": (lambda e: e.hang(), RemoteError, "did not answer within"),
    "other width": (
        lambda e: e.reply(
            _choice(logprobs={"token_logprobs": [-1.0], "top_logprobs": [{"token_id:1": -1.0}]})
        ),
        RemoteError,
        "1 tokens for a canvas of",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_server_raises_one_clean_error_and_the_next_fill_works(
    checkpoint: Path,
    server: FakeServer,
    codec: HfCodec,
    key_file: Path,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    answer, kind, words = FAULTS[fault]
    timeout = 0.5 if fault == "slow" else WAIT_S
    backend = loaded(checkpoint, server, key_file=str(key_file), timeout_seconds=timeout)
    server.pages[COMPLETIONS] = answer
    with pytest.raises(DglsError) as caught:
        fill(backend)
    assert type(caught.value) is kind
    assert words in str(caught.value)
    assert "nothing was filled" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert server.keys[-1] == f"Bearer {KEY}"
    assert KEY not in str(caught.value) + caplog.text + repr(vars(backend))
    server.pages[COMPLETIONS] = always("1", codec)
    assert fill(backend).best.texts == ("1",)


def test_an_unreachable_server_raises_one_clean_error(checkpoint: Path, codec: HfCodec) -> None:
    with fake_server({MODELS: models(), COMPLETIONS: always("1", codec)}) as server:
        backend = loaded(checkpoint, server)
        address = server.url
    with pytest.raises(RemoteError, match="cannot be reached"):
        fill(backend)
    with pytest.raises(RemoteError, match="cannot be reached"):
        backend_of(settings(checkpoint, address)).load(lambda share, what: None)


def test_a_stop_closes_the_connection(checkpoint: Path, server: FakeServer) -> None:
    server.pages[COMPLETIONS] = lambda exchange: exchange.hang()
    backend, stop = loaded(checkpoint, server), StopToken()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(backend.fill, REQUEST, stop)
        assert server.waiting.acquire(timeout=WAIT_S)
        stop.stop("superseded")
        with pytest.raises(Stopped, match="superseded"):
            future.result(WAIT_S)
    assert server.gone.wait(WAIT_S)


def test_a_deadline_ends_a_fill_without_a_draft(checkpoint: Path, server: FakeServer) -> None:
    server.pages[COMPLETIONS] = lambda exchange: exchange.hang()
    backend = loaded(checkpoint, server)
    with pytest.raises(Stopped, match="within the limit of 300 ms"):
        fill(backend, FillRequest(REQUEST.parts, limits=Limits(300)))
    assert server.gone.wait(WAIT_S)


def test_at_the_deadline_the_hasty_draft_is_used_if_it_is_the_only_one(
    checkpoint: Path, server: FakeServer, codec: HfCodec
) -> None:
    def answer(exchange: Exchange) -> None:
        hasty = exchange.body["vllm_xargs"].get("diffusion_max_steps") == 4
        always("hasty", codec)(exchange) if hasty else exchange.hang()

    server.pages[COMPLETIONS] = answer
    drafts: list[tuple[str, ...]] = []
    reply = loaded(checkpoint, server).fill(
        FillRequest(REQUEST.parts, limits=Limits(1500)),
        StopToken(),
        lambda draft: drafts.append(draft.texts),
    )
    assert reply.best.texts == ("hasty",)
    assert not reply.complete
    assert drafts == [("hasty",)]


def test_several_fills_run_at_once(checkpoint: Path, server: FakeServer, codec: HfCodec) -> None:
    together = threading.Barrier(3, timeout=WAIT_S)

    def answer(exchange: Exchange) -> None:
        if "logprob_token_ids" not in exchange.body:
            together.wait()
        always("1", codec)(exchange)

    server.pages[COMPLETIONS] = answer
    backend = loaded(checkpoint, server)
    assert backend.concurrency == 8
    with ThreadPoolExecutor(3) as pool:
        replies = list(pool.map(lambda _: fill(backend), range(3)))
    assert [reply.best.texts for reply in replies] == [("1",)] * 3


@pytest.mark.parametrize(
    ("remote", "words"),
    [
        ({"url": ""}, "'remote.url' is empty"),
        ({"url": "ftp://host"}, "must be http:// or https://"),
        ({"url": f"http://user:{KEY}@host"}, "without a name or password"),
        ({"url": "http://host", "key_variable": KEY}, "was not set"),
        ({"url": "http://host", "key_file": "relative"}, "absolute path"),
        ({"url": "http://host", "key_file": "/nowhere/key"}, "cannot be read"),
    ],
)
def test_an_unusable_setting_is_reported_without_the_key(
    checkpoint: Path, remote: dict[str, str], words: str
) -> None:
    with pytest.raises(SettingError, match=words) as caught:
        backend_of(settings(checkpoint, remote["url"], **remote))
    assert KEY not in str(caught.value)


def test_a_key_that_others_can_read_is_not_used(
    checkpoint: Path, server: FakeServer, key_file: Path
) -> None:
    key_file.chmod(0o644)
    with pytest.raises(SettingError, match="chmod 600"):
        loaded(checkpoint, server, key_file=str(key_file))


def test_the_served_model_is_chosen_or_named(checkpoint: Path, server: FakeServer) -> None:
    with pytest.raises(RemoteError, match="no model 'other', but 'tiny'"):
        loaded(checkpoint, server, model="other")


def test_a_server_that_cannot_read_canvases_says_so_at_once(
    checkpoint: Path, server: FakeServer
) -> None:
    said = {"error": {"message": "diffusion_canvas_length must be smaller."}}
    server.pages[COMPLETIONS] = lambda exchange: exchange.reply(said, 400)
    with pytest.raises(RemoteError, match=r"must be smaller.*'denoise.canvas' \(64\)"):
        backend_of(settings(checkpoint, server.url)).load(lambda share, what: None)


def test_lengths_too_long_for_the_servers_canvas_are_left_out(
    server: FakeServer, tmp_path: Path
) -> None:
    published = save_published(tmp_path / "chat")
    backend = loaded(published, server, canvas=48)
    server.pages[COMPLETIONS] = lambda exchange: canvas_answer(exchange, [])
    backend.fill(FillRequest(("a = ", "\n"), (Gap(max_lines=9),)), StopToken())
    widths = {body["max_tokens"] for body in server.bodies(COMPLETIONS)}
    assert widths
    assert max(widths) <= 48


def test_another_tokenizer_is_detected_before_code_is_sent(
    checkpoint: Path, server: FakeServer
) -> None:
    server.pages[TOKENIZE] = lambda exchange: exchange.reply({"tokens": [1, 2, 3]})
    with pytest.raises(DglsError, match="different tokenizers"):
        loaded(checkpoint, server)


def test_the_same_tokenizer_is_no_problem(
    checkpoint: Path, server: FakeServer, codec: HfCodec
) -> None:
    server.pages[TOKENIZE] = lambda exchange: exchange.reply(
        {"tokens": codec.encode(exchange.body["prompt"])}
    )
    began = time.monotonic()
    assert loaded(checkpoint, server).name.startswith("tiny at 127.0.0.1")
    assert time.monotonic() - began < WAIT_S
