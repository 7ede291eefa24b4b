"""Ctrl-C says what became of the files."""

from __future__ import annotations

import pytest

from dgls.cli import app


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("fill", "interrupted; nothing was changed."),
        ("eval", "interrupted; what was written so far is kept."),
        ("doctor", "interrupted."),
    ],
)
def test_an_interrupted_verb_says_what_became_of_files(
    verb: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "app_of", interrupted)
    assert app.run_app([verb]) == 130
    assert capsys.readouterr().err == f"dgls: {said}\n"
