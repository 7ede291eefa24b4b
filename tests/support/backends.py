"""Backends that do what a test asks for by the request's path, in this process or in an engine's.

`engine.backend = "tests.support.backends:scripted"` selects one.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from dgls.canvas.instruct import conversation
from dgls.config import Settings
from dgls.errors import CheckpointError, LanguageError
from dgls.fill.stop import StopToken
from dgls.protocol import Draft, Fill, FillReply, FillRequest, OnDraft, OnProgress

SECRET = "hunter2"
"""It is in a test's prompt and in an exception's message, and must not be in any log."""

_STEP_S = 0.005
_LONGEST_S = 20.0


class ScriptedBackend:
    """`request.path`, or else the path of the first snippet, selects what happens:

    - "forever.py": denoise steps with drafts, until it is stopped
    - "kill.py": the process is killed in the middle of the fill
    - "bug.py": an unexpected exception
    - "refuse.py": an expected error
    - any other: an immediate answer, which echoes the prefix
    """

    def __init__(self, load: Callable[[OnProgress], None] = lambda progress: None) -> None:
        self._load = load

    concurrency = 1

    @property
    def name(self) -> str:
        return "scripted"

    def load(self, progress: OnProgress) -> None:
        self._load(progress)

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        path = request.path or next((snippet.path for snippet in request.snippets), "")
        if path == "forever.py":
            _denoise_until_stopped(stop, on_draft)
        if path == "kill.py":
            os.kill(os.getpid(), signal.SIGKILL)
        if path == "bug.py":
            raise ValueError(f"cannot read {SECRET}")
        if path == "refuse.py":
            raise LanguageError("No grammar for this; nothing was filled.")
        for step in (1, 2):
            if on_draft is not None:
                on_draft(Draft(step, ("draft",)))
        return FillReply((Fill((request.parts[0],), -1.0, 0.5),), self.name, steps=2)


def scripted(settings: Settings) -> ScriptedBackend:
    """Loads at once."""
    return ScriptedBackend()


class EditingBackend(ScriptedBackend):
    """Follows one kind of instruction, `replace A by B`, and answers as a chat model does."""

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        return edited_reply(request)


def edited_reply(request: FillRequest) -> FillReply:
    """The answer of a model to the instruction `replace A by B`."""
    old, new = request.instruction.removeprefix("replace ").split(" by ")
    asked = conversation(request)
    code = asked.code.replace(old, new)
    answer = f"Of course.\n\n{asked.begun}{code}\n{asked.fence}\n"
    return FillReply((Fill((answer,), -1.0, 0.5, "edit", tokens=9),), "scripted")


def editing(settings: Settings) -> EditingBackend:
    """Loads at once, and edits."""
    return EditingBackend()


def slow_to_load(settings: Settings) -> ScriptedBackend:
    """Reports half of its progress until the file "go" appears in the engine's folder."""
    go = os.path.join(settings.engine.folder, "go")

    def load(progress: OnProgress) -> None:
        progress(0.5, "half of it")
        give_up = time.monotonic() + _LONGEST_S
        while not os.path.exists(go) and time.monotonic() < give_up:
            time.sleep(_STEP_S)

    return ScriptedBackend(load)


def broken(settings: Settings) -> ScriptedBackend:
    """Fails to load, with a reason."""

    def load(progress: OnProgress) -> None:
        raise CheckpointError("The checkpoint is half a checkpoint; nothing was loaded.")

    return ScriptedBackend(load)


def dying(settings: Settings) -> ScriptedBackend:
    """Kills the process while it loads, after a last message."""

    def load(progress: OnProgress) -> None:
        os.write(2, b"out of luck\n")
        os._exit(3)

    return ScriptedBackend(load)


def _denoise_until_stopped(stop: StopToken, on_draft: OnDraft | None) -> None:
    give_up = time.monotonic() + _LONGEST_S
    step = 0
    while time.monotonic() < give_up:
        stop.check()
        step += 1
        if on_draft is not None:
            on_draft(Draft(step, ("draft",)))
        time.sleep(_STEP_S)
    raise TimeoutError("nobody stopped the fill")
