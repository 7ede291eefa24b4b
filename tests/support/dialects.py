"""Requests of other clients, exactly as they send them.

The bodies are those of llama.vim (`autoload/llama.vim`), llama.vscode (`src/llama-server.ts`),
minuet (`lua/minuet/backends/openai_base.lua`) and Continue (`core/llm/llms/OpenAI.ts`).
"""

from __future__ import annotations

import json
from typing import Any

from dgls.engine.dialects import llama_cpp, mistral, openai
from dgls.engine.dialects.dialect import Dialect, event_stream
from dgls.protocol import Fill, FillReply, FillRequest, Timings
from dgls.syntax.cursor import Budget

LLAMA_VIM = {
    "input_prefix": "import math\n\n\ndef area(r):\n",
    "input_suffix": "\nprint(area(2))\n",
    "input_extra": [{"text": "PI = 3\n", "time": [17, 42], "filename": "units.py"}],
    "prompt": "    return ",
    "n_predict": 128,
    "stop": [],
    "n_indent": 4,
    "top_k": 40,
    "top_p": 0.9,
    "stream": False,
    "samplers": ["top_k", "top_p", "infill"],
    "cache_prompt": True,
    "t_max_prompt_ms": 500,
    "t_max_predict_ms": 250,
    "response_fields": [
        "content",
        "timings/prompt_n",
        "timings/prompt_ms",
        "timings/prompt_per_token_ms",
        "timings/prompt_per_second",
        "timings/predicted_n",
        "timings/predicted_ms",
        "timings/predicted_per_token_ms",
        "timings/predicted_per_second",
        "truncated",
        "tokens_cached",
    ],
}
LLAMA_VSCODE_WARM_UP = {
    "input_prefix": "",
    "input_suffix": "",
    "input_extra": [{"text": "PI = 3\n", "time": 17, "filename": "units.py"}],
    "prompt": "",
    "n_predict": 0,
    "samplers": [],
    "cache_prompt": True,
    "t_max_prompt_ms": 500,
    "t_max_predict_ms": 1,
}
MINUET = {
    "model": "PLACEHOLDER",
    "stream": True,
    "max_tokens": 56,
    "top_p": 0.9,
    "prompt": "# language: python\ndef area(r):\n    return ",
    "suffix": "\n",
}
CONTINUE = {
    "model": "codestral-latest",
    "prompt": "def area(r):\n    return ",
    "suffix": "\n",
    "max_tokens": 4096,
    "temperature": 0.01,
    "stop": ["[PREFIX]", "[SUFFIX]", "\n\n"],
    "stream": True,
}
REPLY = FillReply(
    (Fill(("3 * r * r",), -1.0, 0.9, tokens=6), Fill(("r",), -3.0, 0.1, tokens=1)),
    "dgls-embedded",
    prompt_tokens=30,
    cached_tokens=20,
    timings=Timings(encode_ms=5.0, draft_ms=8.0, denoise_ms=3.0, judge_ms=1.0, total_ms=17.0),
)


def answer(dialect: Dialect, body: Any, reply: FillReply = REPLY) -> dict[str, Any]:
    return dialect.read(json.dumps(body).encode()).answer(reply)


def events(dialect: Dialect, body: Any, reply: FillReply = REPLY) -> list[Any]:
    """The data of each event of the stream, as a client parses it."""
    asked = dialect.read(json.dumps(body).encode())
    assert asked.is_streamed
    blocks = event_stream(asked.events(reply)).split("\n\n")
    assert blocks.pop() == ""
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    found = [block.removeprefix("data: ") for block in blocks]
    return [each if each == "[DONE]" else json.loads(each) for each in found]


def request(dialect: Dialect, body: Any) -> FillRequest:
    question = dialect.read(json.dumps(body).encode()).question
    return question.request(dialect.name, Budget())


RIGHT = {llama_cpp.DIALECT: LLAMA_VIM, openai.DIALECT: MINUET, mistral.DIALECT: CONTINUE}
