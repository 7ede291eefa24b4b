"""A llama.cpp server on the same tasks: its requests, and the use of its answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dgls.cli.app import run_app
from dgls.errors import InputError, RemoteError
from dgls.lab.evaluation.cases import Case, Kind
from dgls.lab.evaluation.infill_system import InfillSystem, infill_system
from dgls.protocol import Gap
from dgls.syntax.cursor import Budget
from tests.lab.evaluation.samples import make_case, write_tasks, write_tree
from tests.support.laptop_model import laptop_gguf
from tests.support.remote import Exchange, FakeServer, fake_server

LINE = make_case("def add(a, b):\n    return ", "a + b", "\n\nprint(add(1, 2))\n")
BODY = dataclasses.replace(LINE, gaps=(Gap(max_lines=2),), kind=Kind.BODY)
TWO = Case(
    id="two",
    group="two",
    path="a.py",
    parts=("def f(", "):\n    return ", "\n"),
    gaps=(Gap(), Gap()),
    truth=("items", "items[0]"),
    kind=Kind.SEVERAL,
)


def says(*texts: str, **more: Any) -> Callable[[Exchange], None]:
    """A page that answers with one text after the other, then repeats the last one."""
    left = list(texts)

    def answer(exchange: Exchange) -> None:
        text = left.pop(0) if len(left) > 1 else left[0]
        exchange.reply({"content": text, "tokens_predicted": 3, **more})

    return answer


def asked(server: FakeServer, name: str = "infill") -> InfillSystem:
    return InfillSystem(name, server.url, Budget())


@pytest.mark.parametrize(
    ("case", "content", "texts"),
    [
        (LINE, "a + b", ("a + b",)),
        (LINE, "a + b\n\nprint(1)", ("a + b",)),
        (LINE, "", ("",)),
        (LINE, "\nx", ("",)),
        (BODY, "a\nb\nc", ("a\nb",)),
        (TWO, "items", ("items", "items")),
    ],
)
def test_an_answer_keeps_to_the_line_limit_of_its_gap(
    case: Case, content: str, texts: tuple[str, ...]
) -> None:
    with fake_server({"/infill": says(content)}) as server:
        assert asked(server).fill(case).texts == texts


def test_the_server_is_asked_as_a_plugin_asks_it() -> None:
    with fake_server({"/infill": says("a + b")}) as server:
        asked(server).fill(LINE)
        asked(server).fill(BODY)
        line, body = server.bodies("/infill")
    assert line["input_prefix"] == LINE.parts[0]
    assert line["input_suffix"] == LINE.parts[1]
    assert (line["temperature"], line["top_k"], line["cache_prompt"]) == (0, 1, True)
    assert (line["stop"], body["stop"]) == (["\n"], [])
    assert line["n_predict"] < body["n_predict"]


def test_the_suffix_first_order_sends_its_own_prompt() -> None:
    with fake_server({"/completion": says("a + b")}) as server:
        answer = asked(server, "infill-suffix-first").fill(LINE)
        (body,) = server.bodies("/completion")
    assert answer.texts == ("a + b",)
    assert body["prompt"] == (
        f"<|fim_prefix|><|fim_suffix|>{LINE.parts[1]}<|fim_middle|>{LINE.parts[0]}"
    )


def test_each_of_several_gaps_sees_the_texts_before_it() -> None:
    with fake_server({"/infill": says("items", "items[0]")}) as server:
        answer = asked(server).fill(TWO)
        first, second = server.bodies("/infill")
    assert answer.texts == TWO.truth
    assert (first["input_prefix"], first["input_suffix"]) == ("def f(", "):\n    return \n")
    assert second["input_prefix"] == "def f(items):\n    return "
    assert second["input_suffix"] == "\n"


@pytest.mark.parametrize(
    ("more", "written", "passes"),
    [({}, 3, 3), ({"timings": {"draft_n_accepted": 2}}, 3, 1), ({"tokens_predicted": None}, 0, 0)],
)
def test_passes_are_counted_if_the_server_reports_them(
    more: dict[str, Any], written: int, passes: int
) -> None:
    page = {"content": "a", "tokens_predicted": 3, **more}
    with fake_server({"/infill": lambda exchange: exchange.reply(page)}) as server:
        answer = asked(server).fill(LINE)
    assert (answer.written, answer.passes) == (written, passes)


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ({}, "has no /infill"),
        ({"/infill": lambda exchange: exchange.raw(b"<html>log in</html>")}, "not JSON"),
        ({"/infill": lambda exchange: exchange.raw(b"[1]")}, "not JSON"),
        ({"/infill": lambda exchange: exchange.reply({"text": "a"})}, "no 'content'"),
        ({"/infill": lambda exchange: exchange.reply({"error": "busy"}, 503)}, "503"),
        ({"/infill": lambda exchange: exchange.raw(b"{", promised=99)}, "cannot be reached"),
    ],
)
def test_a_server_without_infill_is_reported_at_once(
    pages: dict[str, Callable[[Exchange], None]], said: str
) -> None:
    with fake_server(pages) as server, pytest.raises(RemoteError, match=said):
        infill_system(f"infill={server.url}", Budget())


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://host", "http://"])
def test_an_invalid_address_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="not the address"):
        infill_system(f"infill={url}", Budget())


def test_a_server_that_is_down_prevents_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["eval", "cut", str(write_tree(tmp_path)), "--system", "infill=http://127.0.0.1:9"]
    assert run_app(arguments) == 7
    assert "cannot be reached" in capsys.readouterr().err


def test_a_server_is_measured_beside_the_baselines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = write_tasks(tmp_path / "tasks.jsonl")
    with fake_server({"/infill": says("    return a + b")}) as server:
        chosen = ["--system", "nothing", "--system", f"infill={server.url}"]
        assert run_app(["eval", "humaneval", str(tasks), *chosen]) == 0
    assert "| infill | 33.3 (" in capsys.readouterr().out


@pytest.mark.model
@pytest.mark.slow
def test_llama_cpp_fills_with_the_laptop_model() -> None:
    """The real server answers both orders, with a line that any small model knows."""
    pytest.importorskip("xllamacpp", reason="llama.cpp's server needs the extra `model-tests`")
    from tests.support.llama_server import llama_server

    # The gap begins at a token, because the server does not heal a split one.
    case = make_case("def add(a, b):\n    return", " a + b", "\n\nprint(add(1, 2))\n")
    with llama_server(laptop_gguf()) as url:
        for name in ("infill", "infill-suffix-first"):
            system = infill_system(f"{name}={url}", Budget())
            answer = system.fill(case)
            assert answer.texts == case.truth
            assert 0 < answer.passes == answer.written
