"""An edit by instruction from a server with OpenAI's chat API.

The server puts its model's chat template around the turns, and reads no special tokens in them.
"""

from __future__ import annotations

import time

from dgls.canvas.instruct import conversation
from dgls.engine.backends.chat_text import answer_of, without_thoughts
from dgls.engine.backends.server import Server
from dgls.fill.editing import UNJUDGED, most_written
from dgls.fill.stop import StopToken
from dgls.protocol import Fill, FillReply, FillRequest, Timings

COMPLETIONS = "/v1/chat/completions"

_CHARS_PER_TOKEN = 2
"""Low, so that code with many symbols is not cut off."""


def chat_edit(
    server: Server, model: str, title: str, request: FillRequest, stop: StopToken
) -> FillReply:
    """The answer of the server's `model` to an instruction; `title` is the model's full name.

    Raises `RemoteError`, or `Stopped` if it was stopped or time ran out.
    """
    asked = conversation(request)
    body = {
        "model": model,
        "messages": [
            {"role": "system", "content": asked.system},
            {"role": "user", "content": asked.user},
        ],
        # No sampling parameters, because servers differ in which ones they refuse.
        "max_tokens": most_written(len(asked.code) // _CHARS_PER_TOKEN),
        "stream": False,
    }
    began = time.monotonic()
    calls = [server.post(COMPLETIONS, body)]
    (fields,) = server.run(server.within(request.limits.deadline_ms, calls), stop)
    answer = without_thoughts(answer_of(fields))
    spent = 1000 * (time.monotonic() - began)
    return FillReply(
        candidates=(Fill((answer,), 0.0, UNJUDGED, "edit"),),
        model=title,
        timings=Timings(draft_ms=spent, total_ms=spent),
    )
