"""Ctrl-C reports what became of the files."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import typer

from dgls.cli import app


def interrupted(verbs: Sequence[str]) -> typer.Typer:
    """A command line whose verb is interrupted."""
    made = typer.Typer()

    @made.command()
    def stopped() -> None:
        raise KeyboardInterrupt

    @made.command()
    def other() -> None:
        raise AssertionError

    made.registered_commands[0].name = verbs[0]
    return made


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("fill", "dgls: interrupted; nothing was changed.\n"),
        ("eval", "dgls: interrupted; what was written so far was kept.\n"),
        ("doctor", ""),
    ],
)
def test_an_interrupted_command_says_what_happened_to_files(
    verb: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "app_of", interrupted)
    assert app.run_app([verb]) == 130
    assert capsys.readouterr().err == said
