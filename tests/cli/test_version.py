"""`dgls --version`, which editors' health checks run."""

from __future__ import annotations

import pytest

from dgls import __version__
from dgls.cli.app import run_app


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["--version"]) == 0
    assert capsys.readouterr().out == f"dgls {__version__}\n"
