"""The arguments of `dgls lsp`, including those that editors append."""

from __future__ import annotations

import pytest

from dgls.cli.lsp import LspArguments, parse_arguments, run
from dgls.errors import InputError


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", LspArguments()),
        ("--stdio", LspArguments()),
        ("--stdio --clientProcessId=42", LspArguments(editor=42)),
        ("--clientProcessId 42 --stdio", LspArguments(editor=42)),
        ("--tcp 4711", LspArguments("127.0.0.1", 4711)),
        ("--tcp=0", LspArguments("127.0.0.1", 0)),
        ("--tcp localhost:4711", LspArguments("localhost", 4711)),
        ("--tcp 127.0.0.2:4711", LspArguments("127.0.0.2", 4711)),
        ("--tcp [::1]:4711", LspArguments("::1", 4711)),
        ("--help", LspArguments(help=True)),
    ],
)
def test_arguments_are_read(arguments: str, expected: LspArguments) -> None:
    assert parse_arguments(arguments.split()) == expected


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("--pipe=/tmp/x", "no argument '--pipe'"),
        ("--stdio=yes", "no argument '--stdio'"),
        ("--tcp", "needs a value"),
        ("--clientProcessId", "needs a value"),
        ("--tcp here", "not [HOST:]PORT"),
        ("--tcp 65536", "not [HOST:]PORT"),
        ("--tcp ²", "not [HOST:]PORT"),
        ("--tcp 0.0.0.0:4711", "not a loopback address"),
        ("--tcp 192.168.1.2:4711", "not a loopback address"),
        ("--tcp example.org:4711", "not a loopback address"),
        ("--tcp :::4711", "not a loopback address"),
    ],
)
def test_invalid_arguments_are_refused(arguments: str, reason: str) -> None:
    with pytest.raises(InputError, match=r".") as refused:
        parse_arguments(arguments.split())

    assert reason in str(refused.value)


def test_a_wrong_call_ends_with_one_message_and_a_status(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["--tcp", "0.0.0.0:1"]) == InputError.exit_status

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("dgls: ")


def test_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0

    assert capsys.readouterr().out.startswith("usage: dgls lsp")
