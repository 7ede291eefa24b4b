"""llama.cpp's own server on a file of weights, to measure beside dgls.

    python -m tests.support.llama_server FILE.gguf --port 8090 --threads 2

It needs `xllamacpp` (the extra `model-tests`), and runs until it is interrupted.
"""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def llama_server(
    model: Path, port: int = 0, threads: int = 1, context: int = 4096
) -> Iterator[str]:
    """The server in this process, until the block ends; yields its address. Port 0 takes any.

    It has one slot and keeps no further prompts, as when an editor's plugin starts it.
    """
    import xllamacpp

    params: Any = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.port = port
    params.n_ctx, params.n_parallel = context, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.cache_ram_mib = 0
    params.verbosity = 0
    server = xllamacpp.Server(params)
    try:
        yield str(server.listening_address)
    finally:
        del server


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="llama.cpp's server, for `dgls eval`.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--context", type=int, default=4096, help="tokens")
    given = parser.parse_args()
    with llama_server(given.file, given.port, given.threads, given.context) as url:
        print(f"Listening; measure it with: dgls eval cut FOLDER --system infill={url}", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
