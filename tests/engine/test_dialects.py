"""Other clients: their requests as they send them, and what they expect in the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dgls.engine.dialects import DIALECTS, llama_cpp, mistral, openai
from dgls.engine.dialects.question import Question
from dgls.protocol import Fill, FillReply, Snippet, Trigger
from dgls.syntax.cursor import Budget
from tests.support.dialects import (
    CONTINUE,
    LLAMA_VIM,
    LLAMA_VSCODE_WARM_UP,
    MINUET,
    REPLY,
    answer,
    events,
    request,
)


def test_llama_vim_is_understood() -> None:
    asked = request(llama_cpp.DIALECT, LLAMA_VIM)
    assert asked.parts == (
        "import math\n\n\ndef area(r):\n    return ",
        "\nprint(area(2))\n",
    )
    assert asked.snippets == (Snippet("units.py", "PI = 3\n"),)
    assert asked.limits.deadline_ms == 750
    # Such clients do not identify themselves, so none may supersede another.
    assert asked.trigger is Trigger.EXPLICIT


def test_llama_vim_gets_exactly_the_fields_it_asked_for() -> None:
    found = answer(llama_cpp.DIALECT, LLAMA_VIM)
    assert list(found) == LLAMA_VIM["response_fields"]
    assert found["content"] == "3 * r * r"
    assert (found["timings/prompt_n"], found["timings/prompt_ms"]) == (10, 5.0)
    assert (found["timings/predicted_n"], found["timings/predicted_ms"]) == (6, 12.0)
    assert found["timings/predicted_per_second"] == pytest.approx(500)
    assert (found["truncated"], found["tokens_cached"]) == (False, 20)


def test_without_response_fields_llama_cpp_nests_the_timings() -> None:
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
def test_openai_reads_a_prompt_with_prefix_and_suffix(first: str, second: str, last: str) -> None:
    """Zed, provider `open_ai_compatible_api`, sends no `suffix`."""
    marked = f"{first}def area(r):\n    return {second}\nprint(area(2))\n{last}"
    assert request(openai.DIALECT, {"prompt": marked}).parts == (
        "def area(r):\n    return ",
        "\nprint(area(2))\n",
    )


def test_openai_streams_only_extend_the_text() -> None:
    *chunks, done = events(openai.DIALECT, MINUET)
    assert done == "[DONE]"
    assert {chunk["object"] for chunk in chunks} == {"text_completion"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    first = [chunk["choices"][0] for chunk in chunks if chunk["choices"][0]["index"] == 0]
    assert "".join(choice["text"] for choice in first) == "3 * r * r"
    assert [choice["finish_reason"] for choice in first] == [None, "stop"]


def test_openai_streams_the_usage_on_request() -> None:
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


def test_mistral_streams_deltas_that_add_up() -> None:
    *chunks, done = events(mistral.DIALECT, CONTINUE)
    assert done == "[DONE]"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    # Continue joins the content of every chunk without checking that it exists.
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks) == "3 * r * r"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("prefix", "max_tokens", "stops", "lines"),
    [
        # A line that has begun is finished.
        ("x = ", 512, (), 1),
        ("def f(x", None, (), 1),
        # An empty line, or a block opener, gets as many lines as the tokens allow.
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
def test_the_line_limit_follows_from_the_request(
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
def test_a_fill_ends_at_a_stop_or_a_smaller_indent(
    text: str, stops: tuple[str, ...], min_indent: int, expected: str
) -> None:
    question = Question("", stops=stops, min_indent=min_indent)
    [found] = question.completions(FillReply((Fill((text,), 0.0, 1.0),), "m"))
    assert found.text == expected


def test_a_fill_has_the_line_ends_of_the_file() -> None:
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
def test_the_language_is_detected_if_it_is_not_named(body: dict[str, Any], language: str) -> None:
    asked = request(llama_cpp.DIALECT, {"input_prefix": "", "input_suffix": "\n", **body})
    assert asked.language == language


def test_the_files_in_a_repository_prompt_become_snippets() -> None:
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
def test_answers_are_trimmed_and_checked_as_for_an_editor(
    prefix: str, suffix: str, texts: tuple[str, ...], expected: list[str]
) -> None:
    reply = FillReply(tuple(Fill((text,), 0.0, 0.5) for text in texts), "m")
    asked = {"prompt": prefix, "suffix": suffix, "n": 3}
    found = answer(openai.DIALECT, asked, reply)["choices"]
    assert [choice["text"] for choice in found] == expected


def test_a_long_file_is_cut_as_for_an_editor() -> None:
    prefix = "import math\n" + "".join(f"value_{number} = {number}\n" for number in range(500))
    asked = Question(prefix, "\n" * 5000).request("test", Budget(prefix_chars=400, suffix_chars=80))
    assert asked.parts[0].startswith("import math\n")
    assert asked.parts[0].endswith("value_499 = 499\n")
    assert len(asked.parts[0]) <= 400
    assert len(asked.parts[1]) <= 80


def test_the_page_names_every_path() -> None:
    page = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
    assert all(f"`POST {dialect.path}`" in page for dialect in DIALECTS)
