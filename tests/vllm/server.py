"""A real vLLM server and a router in front of it, on loopback, started and stopped by the tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.vllm.checkpoint import CANVAS
from tests.vllm.install import PYTHON, ROUTER

KEY = "open-sesame"
NAME = "tiny"
WINDOW = 1024
WAIT_S = 900.0
"""Much more than a start or an answer takes, for busy machines."""

_ENVIRONMENT = {
    # Kernels run in Triton's interpreter, for which `install.py` has installed a backend.
    "TRITON_INTERPRET": "1",
    "TRITON_BACKENDS_IN_TREE": "1",
    "TRITON_DEFAULT_BACKEND": "cpu",
    # Compiling a step for every shape of a batch takes longer than all the tests.
    "TORCHDYNAMO_DISABLE": "1",
    "VLLM_USE_V2_MODEL_RUNNER": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    # A tiny model gains nothing from threads, and a pinned core may be another program's.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}
_ARGUMENTS = (
    *("--host", "127.0.0.1", "--dtype", "float32", "--enforce-eager"),
    *("--max-model-len", str(WINDOW), "--max-num-seqs", "8", "--max-logprobs", "32"),
    *("--generation-config", "vllm", "--language-model-only", "--enable-prefix-caching"),
    *("--diffusion-config", f'{{"canvas_length": {CANVAS}}}', "--enable-prompt-tokens-details"),
)
"""As in `docs/team.md`, except for what a CPU and a tiny model need."""


@dataclass(frozen=True, slots=True)
class VllmServer:
    """A running server of `NAME`, and its metrics."""

    url: str
    checkpoint: Path

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        page = httpx.get(f"{self.url}/metrics", timeout=WAIT_S).text
        lines = [line for line in page.splitlines() if line.partition("{")[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in lines)


@contextmanager
def vllm_server(checkpoint: Path, log: Path) -> Iterator[VllmServer]:
    """Serve the checkpoint until the block ends; no process is left then."""
    port = _free_port()
    command = [str(PYTHON), "-m", "vllm.entrypoints.openai.api_server", *_ARGUMENTS]
    command += ["--model", str(checkpoint), "--served-model-name", NAME]
    command += ["--port", str(port), "--api-key", KEY]
    url = f"http://127.0.0.1:{port}"
    with _running(command, url, log):
        yield VllmServer(url, checkpoint)


@contextmanager
def router(workers: Sequence[str], log: Path) -> Iterator[str]:
    """The address of a vllm-router in front of the servers, until the block ends."""
    port, metrics = _free_port(), _free_port()
    command = [str(ROUTER), "--worker-urls", *workers, "--policy", "cache_aware"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--prometheus-port", str(metrics)]
    url = f"http://127.0.0.1:{port}"
    with _running(command, url, log):
        yield url


@contextmanager
def _running(command: Sequence[str], url: str, log: Path) -> Iterator[None]:
    environment = {**os.environ, **_ENVIRONMENT}
    # The server does not use the project's packages.
    environment.pop("PYTHONPATH", None)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, start_new_session=True
        )
    try:
        _wait(url, process, log)
        yield
    finally:
        _end(process)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + WAIT_S
    while time.monotonic() < give_up and process.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
    raise AssertionError(f"{url} did not start:\n{last}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server with all processes of its session; it may be gone already."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, kind)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
