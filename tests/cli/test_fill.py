"""`dgls fill` as a user runs it, with a model that has memorized the fixture."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dgls.cli.job import Asked, job_of
from dgls.config import Settings
from dgls.protocol import Fill
from tests.support.overfit import FIXTURES, overfitted_checkpoint

SOURCE = (FIXTURES / "shapes.py").read_text()
FILL = "return width * height"
LINE = SOURCE.splitlines().index("    " + FILL) + 1


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A separate engine for this module, with the overfitted model."""
    folder = tmp_path_factory.mktemp("engine")
    variables = {
        **os.environ,
        "DGLS_MODEL_NAME": str(overfitted_checkpoint()),
        "DGLS_ENGINE_FOLDER": str(folder),
        "DGLS_ENGINE_IDLE_SECONDS": "60",
    }
    yield variables
    subprocess.run(
        [sys.executable, "-m", "dgls", "serve", "--stop"], env=variables, check=False, timeout=30
    )


def dgls(
    environment: dict[str, str], *arguments: str, given: str | None = None, verb: str = "fill"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dgls", verb, *arguments],
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def gap(tmp_path: Path) -> Path:
    """The fixture with one line emptied except for its indentation."""
    path = tmp_path / "shapes.py"
    path.write_text(SOURCE.replace(FILL, ""))
    return path


def test_it_prints_the_fill_and_leaves_the_file(environment: dict[str, str], gap: Path) -> None:
    before = gap.read_bytes()
    done = dgls(environment, f"{gap}:{LINE}")
    assert (done.returncode, done.stdout, done.stderr) == (0, FILL + "\n", "")
    assert gap.read_bytes() == before


def test_write_applies_it(environment: dict[str, str], gap: Path) -> None:
    done = dgls(environment, f"{gap}:{LINE}:5", "--write")
    assert done.returncode == 0
    assert gap.read_text() == SOURCE


def test_json_holds_everything(environment: dict[str, str], gap: Path) -> None:
    reply = json.loads(dgls(environment, f"{gap}:{LINE}", "--json").stdout)
    assert reply["best"]["texts"] == [FILL]
    assert 0 <= reply["best"]["confidence"] <= 1
    assert reply["written"] is False
    assert reply["timings"]["total_ms"] > 0


def test_json_has_no_candidate_that_breaks_the_file_and_no_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "refuse.py"
    path.write_text("def f(a):\n    raise \n\n\nb = 1\n")
    job = job_of(Asked([f"{path}:2:11"]), Settings().fill)
    texts = ("   if a:", "ValueError(a)", "ValueError(a) ")
    found = job.sound([Fill((text,), -1.0, 0.5) for text in texts], None)
    assert [fill.texts for fill in found] == [("ValueError(a)",)]


def test_watch_shows_every_draft_and_the_result(environment: dict[str, str], gap: Path) -> None:
    shown = dgls(environment, f"{gap}:{LINE}", "--watch").stdout
    assert "step 1" in shown
    assert FILL in shown
    assert "denoise steps" in shown


def test_standard_input_and_a_selection(environment: dict[str, str]) -> None:
    worse = "return None"
    selected = f"{LINE}:5-{LINE}:{5 + len(worse)}"
    done = dgls(environment, "-", "--select", selected, given=SOURCE.replace(FILL, worse))
    assert (done.returncode, done.stdout) == (0, FILL + "\n")


def test_several_gaps_are_filled_together(environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "shapes.py"
    other = "return math.pi * radius ** 2"
    path.write_text(SOURCE.replace(FILL, "").replace(other, ""))
    second = SOURCE.splitlines().index("    " + other) + 1
    done = dgls(environment, f"{path}:{LINE}", f"{path}:{second}", "--write")
    assert done.returncode == 0, done.stderr
    assert path.read_text() == SOURCE


def test_why_explains_a_place_and_the_last_fill(environment: dict[str, str], gap: Path) -> None:
    before = gap.read_bytes()
    asked = dgls(environment, f"{gap}:{LINE}:", verb="why")
    assert asked.returncode == 0, asked.stderr
    # The model has memorized lines; what it makes of eight lines depends on its training.
    assert f"Shown while typing: '{FILL}'\nShown when asked: '" in asked.stdout
    assert "passes" in asked.stdout
    assert dgls(environment, f"{gap}:{LINE}:").stdout == FILL + "\n"
    assert " (asked for)\n" in dgls(environment, verb="why").stdout
    last = json.loads(dgls(environment, "--json", verb="why").stdout)
    assert last["shown"] == FILL
    assert last["candidates"][0]["proposal"]
    assert last["timings"]["total_ms"] > 0
    assert gap.read_bytes() == before


def test_another_model_fills_explicit_requests(environment: dict[str, str], gap: Path) -> None:
    other = {**environment, "DGLS_FILL_EXPLICIT_MODEL": "embedded"}
    assert json.loads(dgls(other, f"{gap}:{LINE}", "--json").stdout)["model"] == "dgls-embedded"
    assert "\nmodel: dgls-embedded" in dgls(other, verb="why").stdout
    both = dgls(other, f"{gap}:{LINE}", verb="why").stdout
    assert f"Shown while typing: '{FILL}'" in both
    assert "\nmodel: dgls-toy" in both
    named = dgls(other, f"{gap}:{LINE}", "--json", "--model", environment["DGLS_MODEL_NAME"])
    assert json.loads(named.stdout)["best"]["texts"] == [FILL]


def test_why_without_an_engine_says_what_to_ask(
    environment: dict[str, str], tmp_path: Path
) -> None:
    nobody = {**environment, "DGLS_ENGINE_FOLDER": str(tmp_path / "none")}
    done = dgls(nobody, verb="why")
    assert (done.returncode, done.stdout) == (7, "")
    assert "dgls why FILE:LINE:COL" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["missing.py:1:1"], 3, "no file missing.py"),
        (["{dir}/binary.py:1:1"], 3, "binary"),
        (["{dir}/latin.py:1:1"], 3, "not UTF-8"),
        (["{dir}"], 3, "cannot be read"),
        (["{dir}/good.py:99:1"], 4, "outside the text"),
        (["{dir}/good.py:1:99"], 4, "not a place in line 1"),
        (["{dir}/good.py"], 2, "LINE:COL"),
        (["{dir}/good.py:1:1", "other.py:1:1"], 2, "one file"),
        (["{dir}/good.txt:1:1"], 5, "good.txt"),
        (["{dir}/good.py:1:1", "--model", "{dir}/nothing"], 6, "nothing"),
        (["-:1:1", "--write"], 2, "--write"),
        (["{dir}/good.py:1:1", "--no-such-option"], 2, "--no-such-option"),
    ],
)
def test_a_wrong_call_ends_with_one_clear_sentence(
    environment: dict[str, str], tmp_path: Path, arguments: list[str], status: int, message: str
) -> None:
    (tmp_path / "binary.py").write_bytes(b"\0\1")
    (tmp_path / "latin.py").write_bytes(b"caf\xe9")
    (tmp_path / "good.py").write_text("x = 1\n")
    (tmp_path / "good.txt").write_text("x = 1\n")
    given = [argument.format(dir=tmp_path) for argument in arguments]
    done = dgls(environment, *given, given="x = 1\n")
    assert done.returncode == status, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_setting_out_of_range_is_one_sentence_and_the_fill_continues(
    environment: dict[str, str], gap: Path
) -> None:
    spoilt = {**environment, "DGLS_DENOISE_STEPS": "0"}
    done = dgls(spoilt, f"{gap}:{LINE}")
    assert (done.returncode, done.stdout) == (0, FILL + "\n")
    assert done.stderr == (
        "dgls: 'denoise.steps' in the environment must be 'auto' or a whole number of at least 1 "
        "and at most 1024, not '0'; it was ignored.\n"
    )
