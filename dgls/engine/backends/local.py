"""The backend that runs a model in this process."""

from __future__ import annotations

from functools import partial

import torch

from dgls.allocator import FreedMemory, keep_freed_memory
from dgls.checkpoint.automatic_model import AUTO, EMBEDDED
from dgls.errors import EngineError
from dgls.fill.filler import Filler, HasIdleWork
from dgls.fill.knobs import AS_TRAINED, Knobs
from dgls.fill.open_filler import open_filler
from dgls.fill.stop import StopToken
from dgls.network.hardware import cores_used, usual_batch
from dgls.protocol import FillReply, FillRequest, Gap, OnDraft, OnProgress


class LocalBackend:
    """Fills with a checkpoint on this machine (`dgls.engine.backends.base.Backend`)."""

    def __init__(
        self,
        model: str = EMBEDDED,
        device: str = "auto",
        *,
        threads: int = 0,
        cache_mb: int = 0,
        quantization: str = AUTO,
        batch: int = 0,
        adapter: str = AUTO,
        lora: str = AUTO,
        knobs: Knobs = AS_TRAINED,
    ) -> None:
        """At most `batch` fills share forward passes; 0 lets dgls choose.

        The other arguments are those of `dgls.fill.open_filler.open_filler`.
        """
        self._wanted = model
        self._batch = batch
        self._open = partial(
            open_filler,
            model,
            device,
            threads,
            cache_mb=cache_mb,
            quantization=quantization,
            adapter=adapter,
            lora=lora,
            knobs=knobs,
        )
        self._filler: Filler | None = None
        self._cores = 0
        self._freed = FreedMemory()

    @property
    def name(self) -> str:
        """The checkpoint's name once it is loaded; before that, the requested name."""
        return self._filler.name if self._filler else self._wanted

    @property
    def device(self) -> str:
        """The device of the model, "" before it is loaded."""
        return self._filler.device if self._filler else ""

    @property
    def cores(self) -> int:
        """The CPU cores of a forward pass, 0 on other devices and before the model is loaded."""
        return self._cores

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the model, empty before it is loaded and if it reads all."""
        return self._filler.languages if self._filler else ()

    @property
    def concurrency(self) -> int:
        """How many fills share forward passes; one if the network cannot join them."""
        if self._filler is None or not self._filler.joins:
            return 1
        return self._batch or usual_batch(torch.device(self._filler.device))

    def load(self, progress: OnProgress) -> None:
        """Load the model and fill once, so that the first real fill is as fast as later ones."""
        keep_freed_memory()
        filler = self._open(progress=lambda share, what: progress(_LOADED * share, what))
        # Small passes use fewer threads, so read their number before the first pass.
        self._cores = cores_used(filler.device)
        progress(_LOADED, "warming up")
        filler.fill(_WARM_UP, StopToken())
        self._filler = filler
        progress(1.0, "ready")

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """Fill the request's gaps. Raises `EngineError` before `load` has ended."""
        if self._filler is None:
            raise EngineError("The model is not loaded yet; nothing was filled. Try again.")
        try:
            return self._filler.fill(request, stop, on_draft)
        finally:
            self._freed.after_work()

    def use_pause(self, stop: StopToken) -> bool:
        """Let the model prepare the next fill for a moment; False if it cannot now."""
        filler: object = self._filler
        return filler.use_pause(stop) if isinstance(filler, HasIdleWork) else False

    def use_idle_time(self) -> bool:
        """Let the model do about a second of deferred work; False if there is none."""
        filler: object = self._filler
        return filler.use_idle_time() if isinstance(filler, HasIdleWork) else False


_LOADED = 0.9
_WARM_UP = FillRequest(("def add(a, b):\n    return ", "\n"), (Gap(),), path="warm_up.py")
