"""The behaviour of vLLM that the backend relies on: pins, cache, batches, key, and stopping."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from dgls.engine.backends.vllm import VllmBackend
from dgls.engine.backends.vllm_wire import CanvasRead
from dgls.errors import RemoteError, Stopped
from dgls.fill.stop import StopToken
from dgls.protocol import FillRequest, Gap, Limits
from tests.vllm.conftest import MakeBackend
from tests.vllm.reading import read, served_by, some_tokens
from tests.vllm.server import WAIT_S, VllmServer

pytestmark = pytest.mark.vllm

WIDTH = 32
BLOCK = 128
"""Tokens that vLLM caches together on a CPU."""

REQUEST = FillRequest(("def total(items):\n    result = ", "\n    return result\n"), (Gap(),))
RUNNING = "vllm:num_requests_running"
ENDED = "vllm:request_success_total"

MANY = 1024
"""Steps: the server ends a canvas when it settles or after its own limit."""

_TRIES = 10
_COUNTED_S = 0.3
"""The server counts a request a moment after it has answered."""


def test_pinned_positions_stay_through_all_steps(make_backend: MakeBackend) -> None:
    """With everything pinned a later step reads the same as the first one, else it does not."""
    served = served_by(make_backend("infill"))
    prompt, canvas = some_tokens(4, 40), some_tokens(5, WIDTH)
    once = read(served, CanvasRead(prompt, canvas, steps=1))
    pinned = read(served, CanvasRead(prompt, canvas, tuple(range(WIDTH)), steps=3))
    loose = read(served, CanvasRead(prompt, canvas, steps=3))
    assert pinned.tokens == once.tokens
    assert loose.tokens != once.tokens


def test_a_fill_has_texts_only_for_its_gaps(make_backend: MakeBackend, family: str) -> None:
    reply = make_backend(family).fill(REQUEST, StopToken())
    (text,) = reply.best.texts
    assert "return result" not in text
    assert "\n" not in text
    assert reply.complete
    assert 0 <= reply.best.confidence <= 1


def test_several_gaps_are_filled_together(make_backend: MakeBackend, family: str) -> None:
    request = FillRequest(("def ", "(a):\n    ", "\n    return self\n"), (Gap(), Gap()))
    reply = make_backend(family).fill(request, StopToken())
    assert len(reply.best.texts) == 2
    assert not any("return self" in text for text in reply.best.texts)


def test_a_prompt_is_not_encoded_twice(server: VllmServer, make_backend: MakeBackend) -> None:
    served, prompt = served_by(make_backend("infill")), some_tokens(6, 2 * BLOCK + 44)
    hits = "vllm:prefix_cache_hits_total"
    first = read(served, CanvasRead(prompt, some_tokens(7, WIDTH), steps=1))
    before = server.metric(hits)
    longer = read(served, CanvasRead((*prompt, 9), some_tokens(8, WIDTH), steps=1))
    assert (first.cached, longer.cached) == (0, 2 * BLOCK)
    assert server.metric(hits) - before == 2 * BLOCK


def test_a_request_without_candidates_warms_the_cache(
    make_backend: MakeBackend, family: str
) -> None:
    parts = ("x = 1\n" * 150, "\n")
    backend = make_backend(family)
    cold = backend.fill(FillRequest(parts, limits=Limits(candidates=0)), StopToken())
    warm = backend.fill(FillRequest(parts), StopToken())
    assert cold.candidates == ()
    assert warm.prompt_tokens == cold.prompt_tokens
    assert warm.cached_tokens >= BLOCK


def test_a_stop_frees_the_request_on_the_server(
    server: VllmServer, make_backend: MakeBackend, family: str
) -> None:
    stop_frees(server, make_backend(family, steps=MANY))


def test_a_router_passes_fills_and_stops_on(
    server: VllmServer, routed: str, make_backend: MakeBackend
) -> None:
    fill = make_backend("infill", url=routed).fill(REQUEST, StopToken())
    assert fill.complete
    stop_frees(server, make_backend("infill", url=routed, steps=MANY))


def stop_frees(server: VllmServer, backend: VllmBackend) -> None:
    """A fill that is stopped half-way is aborted there: fewer of its requests finish.

    On a busy machine a fill may end before it is stopped; then it is tried again.
    """
    before = ended(server)
    backend.fill(REQUEST, StopToken())
    whole = ended(server) - before
    assert whole > 0
    for _ in range(_TRIES):
        before = ended(server)
        if is_stopped_half_way(server, backend, REQUEST) and ended(server) - before < whole:
            return
    raise AssertionError(f"of {_TRIES} stopped fills every request ended by itself")


def ended(server: VllmServer) -> float:
    """How many requests have finished, once none runs and all are counted."""
    until(lambda: server.metric(RUNNING) == 0)
    time.sleep(_COUNTED_S)
    return server.metric(ENDED)


def is_stopped_half_way(server: VllmServer, backend: VllmBackend, request: FillRequest) -> bool:
    """Stop a fill that runs on the server; False if it had ended by then."""
    stop = StopToken()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(backend.fill, request, stop)
        until(lambda: server.metric(RUNNING) > 0 or future.done())
        stop.stop("cancelled")
        error = future.exception(WAIT_S)
    assert error is None or (isinstance(error, Stopped) and "cancelled" in str(error))
    return error is not None


def test_the_canvases_of_one_fill_are_denoised_together(
    server: VllmServer, make_backend: MakeBackend
) -> None:
    """A gap of the published family is tried in several lengths."""
    with filling(make_backend("chat", steps=MANY), [REQUEST]):
        until(lambda: server.metric(RUNNING) > 2)


def test_fills_of_several_editors_run_at_once(
    server: VllmServer, make_backend: MakeBackend
) -> None:
    """One gap of this family is one canvas."""
    requests = [FillRequest((f"a{n} = ", "\n"), seed=n) for n in range(3)]
    with filling(make_backend("infill", steps=MANY), requests):
        until(lambda: server.metric(RUNNING) == len(requests))


@contextmanager
def filling(backend: VllmBackend, requests: Sequence[FillRequest]) -> Iterator[None]:
    """Within the block each request is filled repeatedly, each in its own thread.

    One fill may end before the other has begun or the metrics are read, so each is repeated.
    """
    stop = StopToken()

    def fill(request: FillRequest) -> None:
        for seed in itertools.count(request.seed, len(requests)):
            with suppress(Stopped):
                backend.fill(replace(request, seed=seed), stop)
            if stop.stopped:
                return

    with ThreadPoolExecutor(len(requests)) as pool:
        threads = [pool.submit(fill, request) for request in requests]
        try:
            yield
        finally:
            stop.stop("cancelled")
    for each in threads:
        each.result(WAIT_S)


def test_a_wrong_key_is_refused_and_not_shown(make_backend: MakeBackend, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("wrong-key")
    key.chmod(0o600)
    with pytest.raises(RemoteError, match="refused the key") as caught:
        make_backend("infill", key_file=str(key))
    assert "wrong-key" not in str(caught.value)


def test_a_canvas_wider_than_the_served_one_is_refused_at_the_start(
    make_backend: MakeBackend,
) -> None:
    with pytest.raises(RemoteError, match=r"no larger.*Does 'denoise.canvas' \(128\) fit"):
        make_backend("infill", canvas=128)


def test_the_servers_refusal_is_passed_on(make_backend: MakeBackend) -> None:
    served = served_by(make_backend("infill"))
    with pytest.raises(RemoteError, match=r"failed \(400: This model's maximum context length"):
        read(served, CanvasRead(some_tokens(9, 1100), some_tokens(9, WIDTH), steps=1))


def test_the_backend_name_says_where_code_goes(
    server: VllmServer, make_backend: MakeBackend
) -> None:
    assert make_backend("infill").name == f"tiny at {server.url.removeprefix('http://')}"


def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds."""
    give_up = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)
