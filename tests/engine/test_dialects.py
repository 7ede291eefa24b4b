"""Other people's clients: what they send, as they send it, and what they look for in the answer.

The bodies are those of llama.vim (`autoload/llama.vim`), llama.vscode (`src/llama-server.ts`),
minuet (`lua/minuet/backends/openai_base.lua`) and Continue (`core/llm/llms/OpenAI.ts`).
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from dgls.engine.dialects import DIALECTS, llama_cpp, mistral, openai
from dgls.engine.dialects.dialect import Dialect, event_stream
from dgls.engine.dialects.question import Question
from dgls.errors import EngineProtocolError, FieldError
from dgls.protocol import Fill, FillReply, FillRequest, Snippet, Timings, Trigger
from dgls.syntax.cursor import Budget
from tests.support.backends import SECRET
from tests.support.served import LIMIT, MOST, ServedEngine, until_busy

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


def test_llama_vim_is_understood() -> None:
    asked = request(llama_cpp.DIALECT, LLAMA_VIM)
    assert asked.parts == (
        "import math\n\n\ndef area(r):\n    return ",
        "\nprint(area(2))\n",
    )
    assert asked.snippets == (Snippet("units.py", "PI = 3\n"),)
    assert asked.limits.deadline_ms == 750
    # Such clients do not say who they are: one must not take another's place.
    assert asked.trigger is Trigger.EXPLICIT


def test_llama_vim_finds_what_it_asked_for_and_nothing_else() -> None:
    found = answer(llama_cpp.DIALECT, LLAMA_VIM)
    assert list(found) == LLAMA_VIM["response_fields"]
    assert found["content"] == "3 * r * r"
    assert (found["timings/prompt_n"], found["timings/prompt_ms"]) == (10, 5.0)
    assert (found["timings/predicted_n"], found["timings/predicted_ms"]) == (6, 12.0)
    assert found["timings/predicted_per_second"] == pytest.approx(500)
    assert (found["truncated"], found["tokens_cached"]) == (False, 20)


def test_without_a_choice_of_fields_llama_cpp_nests_the_times() -> None:
    found = answer(llama_cpp.DIALECT, {**LLAMA_VIM, "response_fields": None, "stop": ["* r"]})
    assert (found["content"], found["stop"], found["model"]) == ("3 ", True, "dgls-embedded")
    assert (found["stop_type"], found["stopping_word"]) == ("word", "* r")
    assert found["timings"]["prompt_n"] == 10
    late = FillReply(REPLY.candidates, "m", complete=False)
    assert answer(llama_cpp.DIALECT, LLAMA_VIM | {"response_fields": []}, late)["stop_type"] == (
        "limit"
    )


def test_a_warm_up_fills_nothing() -> None:
    assert request(llama_cpp.DIALECT, LLAMA_VSCODE_WARM_UP).limits.candidates == 0
    for reply in (REPLY, FillReply((), "m")):
        found = answer(llama_cpp.DIALECT, LLAMA_VSCODE_WARM_UP, reply)
        assert (found["content"], found["tokens_predicted"]) == ("", 0)


def test_llama_cpp_streams_the_text_and_then_the_rest() -> None:
    first, last = events(llama_cpp.DIALECT, {**LLAMA_VIM, "stream": True})
    assert first == {"index": 0, "content": "3 * r * r", "tokens": [], "stop": False}
    assert (last["content"], last["stop"], last["timings"]["predicted_n"]) == ("", True, 6)


def test_openai_completes_with_a_suffix() -> None:
    found = answer(openai.DIALECT, {**MINUET, "n": 2})
    assert found["object"] == "text_completion"
    assert found["id"].startswith("cmpl-")
    assert (type(found["created"]), found["model"]) == (int, "dgls-embedded")
    ends = {"logprobs": None, "finish_reason": "stop"}
    assert found["choices"] == [
        {"index": 0, "text": "3 * r * r", **ends},
        {"index": 1, "text": "r", **ends},
    ]
    assert found["usage"] == {
        "prompt_tokens": 30,
        "completion_tokens": 7,
        "total_tokens": 37,
        "prompt_tokens_details": {"cached_tokens": 20},
    }
    assert request(openai.DIALECT, {**MINUET, "n": 2}).limits.candidates == 2


@pytest.mark.parametrize(
    ("first", "second", "last"),
    [
        ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
        ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    ],
)
def test_openai_reads_a_prompt_that_holds_both_sides(first: str, second: str, last: str) -> None:
    """Zed, provider `open_ai_compatible_api`, sends no `suffix`."""
    marked = f"{first}def area(r):\n    return {second}\nprint(area(2))\n{last}"
    assert request(openai.DIALECT, {"prompt": marked}).parts == (
        "def area(r):\n    return ",
        "\nprint(area(2))\n",
    )


def test_openai_streams_text_that_is_only_extended() -> None:
    *chunks, done = events(openai.DIALECT, MINUET)
    assert done == "[DONE]"
    assert {chunk["object"] for chunk in chunks} == {"text_completion"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    first = [chunk["choices"][0] for chunk in chunks if chunk["choices"][0]["index"] == 0]
    assert "".join(choice["text"] for choice in first) == "3 * r * r"
    assert [choice["finish_reason"] for choice in first] == [None, "stop"]


def test_openai_streams_the_usage_where_it_is_asked_for() -> None:
    *_, usage, done = events(openai.DIALECT, {**MINUET, "stream_options": {"include_usage": True}})
    assert (usage["choices"], usage["usage"]["prompt_tokens"], done) == ([], 30, "[DONE]")


def test_mistral_answers_as_a_chat() -> None:
    found = answer(mistral.DIALECT, {**CONTINUE, "stream": False})
    assert found["object"] == "chat.completion"
    assert found["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "3 * r * r"},
            "finish_reason": "stop",
        }
    ]
    assert found["usage"]["total_tokens"] == 36


def test_mistral_streams_deltas_that_continue_can_add_up() -> None:
    *chunks, done = events(mistral.DIALECT, CONTINUE)
    assert done == "[DONE]"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    # Continue adds up the content of every chunk without looking whether there is one.
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks) == "3 * r * r"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("prefix", "max_tokens", "stops", "lines"),
    [
        # A line that is begun is finished.
        ("x = ", 512, (), 1),
        ("def f(x", None, (), 1),
        # An empty line, or one that opens a block, gets what the tokens allow.
        ("", None, (), 8),
        ("x = 1\n    ", -1, (), 8),
        ("def f(x):", 128, (), 8),
        ("def f(x):\n", 56, (), 4),
        ("def f(x):\n", 16, (), 1),
        ("def f(x):\n", 1, (), 1),
        # A client that stops at a line break wants one line.
        ("def f(x):\n", 512, ("\n",), 1),
        ("def f(x):\n", 512, ("x", "\r\n"), 1),
        ("def f(x):\n", 512, ("\n\n",), 8),
    ],
)
def test_how_many_lines_are_filled(
    prefix: str, max_tokens: int | None, stops: tuple[str, ...], lines: int
) -> None:
    question = Question(prefix, max_tokens=max_tokens, stops=stops)
    assert question.request("test", Budget()).gaps[0].max_lines == lines


@pytest.mark.parametrize(
    ("text", "stops", "min_indent", "expected"),
    [
        ("a b c", ("c", "b"), 0, "a "),
        ("a b c", ("",), 0, "a b c"),
        ("a\n\nb", ("\n\n",), 0, "a"),
        ("a\n    b\n\n    c\nd\n    e", (), 4, "a\n    b\n\n    c"),
        ("a\n    b\n  c", (), 2, "a\n    b\n  c"),
    ],
)
def test_where_a_fill_ends(
    text: str, stops: tuple[str, ...], min_indent: int, expected: str
) -> None:
    question = Question("", stops=stops, min_indent=min_indent)
    [found] = question.completions(FillReply((Fill((text,), 0.0, 1.0),), "m"))
    assert found.text == expected


def test_a_fill_ends_its_lines_as_the_file_does() -> None:
    question = Question("a = 1\r\nb = 2\r\n")
    assert question.request("test", Budget()).parts[0] == "a = 1\nb = 2\n"
    [found] = question.completions(FillReply((Fill(("c\nd",), 0.0, 1.0),), "m"))
    assert found.text == "c\r\nd"


@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        ("c = 1\n\nd = 2", ("\n\n",), "c = 1"),
        ("c = 1\n\nd = 2", ("\r\n\r\n",), "c = 1"),
        ("c = 1\nd = 2", (" = 2",), "c = 1\r\nd"),
        ("c = 1  # d", ("#",), "c = 1  "),
        ("c = f(1))", (")",), "c = f(1"),
    ],
)
def test_a_stop_is_obeyed_to_the_character_in_a_file_with_crlf(
    text: str, stops: tuple[str, ...], expected: str
) -> None:
    question = Question("a = 1\r\nb = 2\r\n", path="a.py", stops=stops)
    [found] = question.completions(FillReply((Fill((text,), 0.0, 1.0),), "m"))
    assert (found.text, found.stopped_by) == (expected, stops[0])


@pytest.mark.parametrize(
    ("body", "language"),
    [
        ({"input_extra": [{"text": "", "filename": "src/a.rs"}], "prompt": "let x = "}, "rust"),
        ({"input_extra": [{"text": "", "filename": "a.js"}], "prompt": "x = "}, "javascript"),
        ({"input_prefix": "#!/usr/bin/env node\n", "prompt": "x = "}, "javascript"),
        ({"input_prefix": "#!/bin/bash\n", "prompt": "x="}, "shellscript"),
        ({"input_prefix": "package main\n\nfunc f() {\n", "prompt": "\tx := "}, "go"),
        ({"input_prefix": "def f(a):\n", "prompt": "    return "}, "python"),
        ({"input_prefix": "# vim: ft=ruby\n", "prompt": "x = "}, "ruby"),
        ({"input_prefix": "<|file_sep|>lib/a.lua\n", "prompt": "x = "}, "lua"),
        ({"input_prefix": "once upon a time\n", "prompt": "there "}, "plaintext"),
    ],
)
def test_the_language_is_found_where_nobody_says(body: dict[str, Any], language: str) -> None:
    asked = request(llama_cpp.DIALECT, {"input_prefix": "", "input_suffix": "\n", **body})
    assert asked.language == language


def test_the_files_of_a_repository_s_prompt_are_snippets() -> None:
    prompt = "<|repo_name|>shop\n<|file_sep|>units.py\nPI = 3\n<|file_sep|>area.py\ndef area(r):\n"
    asked = request(openai.DIALECT, {"prompt": prompt, "suffix": ""})
    assert (asked.path, asked.language) == ("area.py", "python")
    assert asked.snippets == (Snippet("units.py", "PI = 3\n"),)
    assert asked.parts[0] == "def area(r):\n"


@pytest.mark.parametrize(
    ("prefix", "suffix", "texts", "expected"),
    [
        ("def f(a, b):\n    return a", " + b\n", (" + b", " * 2"), [" * 2"]),
        ("def f(a, b):\n    return ", "\n", ("a+b", "a + b", "(a"), ["a+b"]),
        ("def f(a, b):", "\n    return a\n", (",", '"""'), [""]),
        ("if (a) {\n\tb();\n", "}\n", ("    c();",), ["\tc();"]),
    ],
)
def test_answers_are_trimmed_and_checked_as_an_editor_s_are(
    prefix: str, suffix: str, texts: tuple[str, ...], expected: list[str]
) -> None:
    reply = FillReply(tuple(Fill((text,), 0.0, 0.5) for text in texts), "m")
    asked = {"prompt": prefix, "suffix": suffix, "n": 3}
    found = answer(openai.DIALECT, asked, reply)["choices"]
    assert [choice["text"] for choice in found] == expected


def test_a_long_file_is_cut_as_an_editor_cuts_it() -> None:
    prefix = "import math\n" + "".join(f"value_{number} = {number}\n" for number in range(500))
    asked = Question(prefix, "\n" * 5000).request("test", Budget(prefix_chars=400, suffix_chars=80))
    assert asked.parts[0].startswith("import math\n")
    assert asked.parts[0].endswith("value_499 = 499\n")
    assert len(asked.parts[0]) <= 400
    assert len(asked.parts[1]) <= 80


WRONG = [
    # dialect, a field, what it is
    *((llama_cpp.DIALECT, "input_prefix", value) for value in (None, 3, ["a"])),
    *((llama_cpp.DIALECT, "input_extra", value) for value in ("x", [3], {"text": "a"})),
    *((llama_cpp.DIALECT, "n_predict", value) for value in ("128", 1.5, True)),
    *((llama_cpp.DIALECT, "stop", value) for value in (3, [3])),
    *((llama_cpp.DIALECT, "stream", value) for value in ("yes", 1)),
    *((llama_cpp.DIALECT, "t_max_predict_ms", value) for value in ("soon", [])),
    *((openai.DIALECT, "prompt", value) for value in (None, 3, [], ["a", "b"], [1, 2])),
    *((openai.DIALECT, "suffix", value) for value in (3, ["a"])),
    *((openai.DIALECT, "n", value) for value in (0, 17, -1, "2")),
    *((openai.DIALECT, "stream_options", value) for value in (True, "x")),
    *((mistral.DIALECT, "prompt", value) for value in (None, 3, ["a"])),
    *((mistral.DIALECT, "max_tokens", value) for value in ("56", {})),
]
RIGHT = {llama_cpp.DIALECT: LLAMA_VIM, openai.DIALECT: MINUET, mistral.DIALECT: CONTINUE}


@pytest.mark.parametrize(("dialect", "field", "value"), WRONG)
def test_a_wrong_type_is_named(dialect: Dialect, field: str, value: object) -> None:
    with pytest.raises(FieldError, match=field) as caught:
        request(dialect, {**RIGHT[dialect], field: value})
    assert caught.value.field == field


def test_a_wrong_field_inside_another_is_named() -> None:
    with pytest.raises(FieldError, match=r"input_extra\[1\]\.text"):
        request(llama_cpp.DIALECT, {**LLAMA_VIM, "input_extra": [{"text": "a"}, {"text": 3}]})


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_what_means_nothing_here_is_passed_over(dialect: Dialect) -> None:
    odd = {"temperature": "hot", "logit_bias": [[1, 2]], "lora": [{}], "user": 3, "echo": None}
    assert request(dialect, {**RIGHT[dialect], **odd}) == request(dialect, RIGHT[dialect])


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]", b"[" * 100_000, b"3"])
def test_what_is_no_object_is_refused(dialect: Dialect, body: bytes) -> None:
    with pytest.raises(EngineProtocolError):
        dialect.read(body)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_half_a_surrogate_pair_keeps_its_place(dialect: Dialect) -> None:
    name = "prompt"
    asked = dialect.read(json.dumps({**RIGHT[dialect], name: "x = '\ud83d"}).encode())
    assert asked.question.prefix.endswith("x = '?")


# Over HTTP, against a backend that echoes the prefix.


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
async def test_each_dialect_is_answered(http: httpx.AsyncClient, dialect: Dialect) -> None:
    # The echo of a whole statement is a sound one.
    prompt = {"input_prefix": "", "prompt": "area(2)\n"}
    body = {**RIGHT[dialect], **prompt, "n_indent": 0, "stop": [], "stream": False}
    response = await http.post(dialect.path, json=body)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert "area(2)" in response.text
    streamed = await http.post(dialect.path, json={**body, "stream": True})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert streamed.text.startswith("data: {")
    assert "area(2)" in streamed.text


async def test_llama_vim_finds_its_mark_in_compact_json(http: httpx.AsyncClient) -> None:
    response = await http.post("/infill", json=LLAMA_VIM)
    assert response.text.startswith('{"content":"')


FAILURES = [
    # what is sent, status for llama.cpp and OpenAI, status for Mistral
    pytest.param(b"{", 400, 400, id="half"),
    pytest.param(b'{"prompt": 3, "input_prefix": 3}', 400, 422, id="wrong type"),
    pytest.param(b" " * (LIMIT + 1), 413, 413, id="too large"),
]


@pytest.mark.parametrize(("body", "status", "mistral_status"), FAILURES)
async def test_each_dialect_is_refused_in_its_own_words(
    http: httpx.AsyncClient, body: bytes, status: int, mistral_status: int
) -> None:
    llama = await http.post("/infill", content=body)
    assert llama.status_code == llama.json()["error"]["code"] == status
    assert llama.json()["error"]["type"] == "invalid_request_error"
    as_openai = await http.post("/v1/completions", content=body)
    assert as_openai.status_code == status
    assert as_openai.json()["error"].keys() == {"message", "type", "param", "code"}
    as_mistral = await http.post("/v1/fim/completions", content=body)
    assert as_mistral.status_code == mistral_status
    if mistral_status == 422:
        [detail] = as_mistral.json()["detail"]
        assert detail["loc"] == ["body", "prompt"]
    else:
        assert as_mistral.json()["object"] == "error"
    for response in (llama, as_openai, as_mistral):
        assert "Traceback" not in response.text


@pytest.mark.parametrize(("behaviour", "status"), [("refuse.py", 422), ("bug.py", 500)])
async def test_a_failed_fill_is_told_without_the_prompt(
    http: httpx.AsyncClient, behaviour: str, status: int
) -> None:
    extra = [{"filename": behaviour, "text": SECRET}]
    response = await http.post("/infill", json={**LLAMA_VIM, "input_extra": extra})
    assert response.status_code == response.json()["error"]["code"] == status
    assert SECRET not in response.text
    # llama.vim takes what holds this mark for a suggestion.
    assert '"content":' not in response.text


async def test_a_client_that_goes_frees_the_model(
    engine: ServedEngine, http: httpx.AsyncClient
) -> None:
    extra = [{"filename": "forever.py", "text": ""}]
    call = asyncio.ensure_future(http.post("/infill", json={**LLAMA_VIM, "input_extra": extra}))
    scheduler = engine.service.scheduler
    assert scheduler is not None
    await until_busy(scheduler, True)
    call.cancel()
    await until_busy(scheduler, False)
    assert engine.service.requests == 0


async def test_too_many_are_refused_and_while_loading_put_off(
    engine: ServedEngine, http: httpx.AsyncClient
) -> None:
    engine.service.requests += 2 * MOST
    busy = await http.post("/v1/completions", json=MINUET)
    assert (busy.status_code, busy.json()["error"]["type"]) == (429, "rate_limit_error")
    engine.service.requests -= 2 * MOST
    scheduler, engine.service.scheduler = engine.service.scheduler, None
    engine.status.loading(0.5, "weights")
    response = await http.post("/infill", json=LLAMA_VIM)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["error"]["type"] == "unavailable_error"
    engine.service.scheduler = scheduler


def test_the_page_names_every_path() -> None:
    page = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
    assert all(f"`POST {dialect.path}`" in page for dialect in DIALECTS)
