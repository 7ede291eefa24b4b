"""The backend that sends canvases to a vLLM server, which a team can share (`docs/team.md`).

Code is sent to that server, which only the user's own settings can name.
"""

from __future__ import annotations

from typing import Any

from dgls.config import Settings
from dgls.engine.backends.chat_edit import chat_edit
from dgls.engine.backends.knobs import knobs_of
from dgls.engine.backends.remote_model import MODELS, chosen_model, not_asked_yet, served_models
from dgls.engine.backends.server import Server
from dgls.engine.backends.vllm_fill import MAX_LOG_PROBS, Plan, Served, VllmFill
from dgls.engine.backends.vllm_wire import TOKENIZE, CanvasRead
from dgls.errors import CheckpointError, RemoteError
from dgls.fill.stop import StopToken
from dgls.fill.strategy import strategy_for
from dgls.inference.served import ServedShape, read_served
from dgls.protocol import FillReply, FillRequest, OnDraft, OnProgress

_TRIAL = FillRequest(("a = ", "\n"))

_PROBE = "def añb(x):\n    return [x, 'é']\t# 123\n"
"""Text that two tokenizers are unlikely to split equally."""


class VllmBackend:
    """Fills with a DiffusionGemma that vLLM serves (`dgls.engine.backends.base.Backend`)."""

    def __init__(self, settings: Settings) -> None:
        """Raises `SettingError` if the server's address or key is invalid."""
        self._settings = settings
        self._server = Server(settings.remote)
        self._served: Served | None = None

    @property
    def name(self) -> str:
        """The model, and the host that code is sent to."""
        return self._served.title if self._served else f"a model at {self._server.host}"

    @property
    def concurrency(self) -> int:
        """As many fills as the settings allow; the server batches them."""
        return self._settings.remote.concurrency

    def load(self, progress: OnProgress) -> None:
        """Ask the server for its model, and read the matching tokenizer.

        Raises `RemoteError`, `ModelNotFoundError` or `CheckpointError`.
        """
        progress(0.1, f"asking the server at {self._server.host}")
        remote, name = self._settings.remote, self._settings.model.name
        listed = served_models(self._ask(self._server.get(MODELS)))
        found = chosen_model(listed, name, remote.model)
        progress(0.5, "reading the tokenizer")
        shape = read_served(name, found.window)
        # Find out now, not in a fill, that a tokenizer lacks the layout's special tokens.
        trial = shape.layout.build(_TRIAL)
        shape.layout.texts(trial, trial.tokens)
        self._check_tokenizer(found.name, shape)
        strategy = strategy_for(shape.metadata.family, shape.metadata.strategy)
        knobs = knobs_of(self._settings.denoise)
        plan = Plan(strategy.lengths, max(1, strategy.noise), knobs.steps)
        canvas = knobs.canvas or shape.canvas
        served = Served(self._server, found.name, shape, canvas, plan)
        progress(0.7, "reading a first canvas")
        self._try_out(served)
        self._served = served
        progress(1.0, "ready")

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """Fill the request's gaps. Raises `RemoteError` if the server fails."""
        if self._served is None:
            raise not_asked_yet()
        if request.instruction:
            return chat_edit(self._server, self._served.name, self.name, request, stop)
        return VllmFill(self._served, request, stop, on_draft).run()

    def _ask(self, call: Any) -> Any:
        return self._server.run(call, StopToken())

    def _try_out(self, served: Served) -> None:
        """Read one canvas of the largest width, so that a server without support fails at once."""
        tokens = range(min(MAX_LOG_PROBS, served.shape.vocabulary))
        seed = (0,) * served.canvas
        try:
            self._ask(served.read(CanvasRead((0,), seed, steps=1, wanted=tuple(tokens))))
        except RemoteError as error:
            raise RemoteError(
                f"{error} Does 'denoise.canvas' ({served.canvas}) fit the server's "
                f"--diffusion-config, and does it allow --max-logprobs {MAX_LOG_PROBS}?"
            ) from error

    def _check_tokenizer(self, model: str, shape: ServedShape) -> None:
        """Compare token ids, because with another tokenizer the answers would be nonsense."""
        body = {"model": model, "prompt": _PROBE, "add_special_tokens": False}
        try:
            theirs = self._ask(self._server.post(TOKENIZE, body))
        except RemoteError:
            # A router may not have that page.
            return
        if isinstance(theirs, dict) and theirs.get("tokens") != shape.codec.encode(_PROBE):
            raise CheckpointError(
                f"The server's '{model}' and '{self._settings.model.name}' on this machine have "
                "different tokenizers; nothing was sent. Set 'model.name' to the model that the "
                "server has."
            )
