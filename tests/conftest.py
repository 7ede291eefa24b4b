"""Set before anything is imported: no fetched models, and Triton interpreted without a GPU."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

from tests.support.required import VARIABLE, why_not_skipped

# No test depends on the user's fetched models; tests of the laptop model ask for it by name.
if "DGLS_TEST_MODELS" not in os.environ:
    from dgls.checkpoint.store import models_folder

    os.environ["DGLS_TEST_MODELS"] = str(models_folder())
    os.environ["DGLS_MODELS"] = str(Path(tempfile.gettempdir()) / "dgls-tests-have-no-models")

if not Path("/dev/nvidia0").exists():
    os.environ.setdefault("TRITON_INTERPRET", "1")
    # Triton requires a choice; it does not affect the interpreter.
    os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")

# On a busy machine the time of an example has no meaning.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Undo a shell's treatment of background jobs, whose programs ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test of a required kind counts as failed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        markers = {mark.name for mark in item.iter_markers()}
        reason = report.longrepr[2]
        if why := why_not_skipped(os.environ.get(VARIABLE, ""), markers, reason):
            report.outcome = "failed"
            report.longrepr = why
    return report


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private folder for an engine. Its path is short, as a socket's must be."""
    return tmp_path_factory.mktemp("e")
