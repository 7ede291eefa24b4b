"""Settings from a malicious repository, and from endless files."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from dgls.config import Resolved, Settings, resolve
from dgls.patterns import patterns


def project(folder: Path, text: str, user: str = "", **sources: Any) -> Resolved:
    """The settings in a project whose dgls.toml is `text`, on top of the user's."""
    own = folder / "user.toml"
    own.write_text(user, encoding="utf-8")
    (folder / "p").mkdir()
    (folder / "p" / "dgls.toml").write_text(text, encoding="utf-8")
    return resolve(folder / "p", files=[own], environment={}, **sources)


@pytest.mark.parametrize(
    ("user", "theirs", "name", "value"),
    [
        ("chars = 0", "chars = 4000", "context.chars", 0),
        ("", "chars = 4000", "context.chars", 0),
        ("chars = 4000", "chars = 100", "context.chars", 100),
        ("chars = 4000", "chars = 9000", "context.chars", 4000),
        ("outlines = false", "outlines = true", "context.outlines", False),
        ("", "outlines = false", "context.outlines", False),
        ("edits = false", "edits = true", "context.edits", False),
    ],
)
def test_a_project_can_lower_what_is_sent_and_never_raise_it(
    tmp_path: Path, user: str, theirs: str, name: str, value: object
) -> None:
    found = project(tmp_path, f"[context]\n{theirs}\n", f"[context]\n{user}\n")
    assert found.settings.value(name) == value


def test_a_project_also_lowers_values_of_the_environment_and_editor(tmp_path: Path) -> None:
    found = project(tmp_path, "[context]\nchars = 7\n", overrides={"context.chars": 4000})
    assert found.settings.context.chars == 7


def test_a_project_removes_nothing_from_the_users_secrets(tmp_path: Path) -> None:
    found = project(
        tmp_path,
        '[privacy]\nsecrets = ["!*.vault", "*.more"]\n',
        '[privacy]\nsecrets = ["*.vault", "!mine"]\n',
    )
    assert found.settings.privacy.secrets == ("*.vault", "!mine", "*.more")
    assert "fewer" in str(found.problems[0])


@pytest.mark.parametrize("name", ["privacy.secrets", "show.files_off"])
def test_a_pattern_that_can_match_nothing_is_reported_from_every_source(
    tmp_path: Path, name: str
) -> None:
    section, key = name.split(".")
    bad = f'[{section}]\n{key} = ["./keys", "good"]\n'
    variable = f"DGLS_{section.upper()}_{key.upper()}"
    (tmp_path / "dgls.toml").write_text(bad)
    for found in (
        resolve(files=[tmp_path / "dgls.toml"], environment={}),
        resolve(tmp_path, files=[], environment={}),
        resolve(files=[], environment={variable: "./keys,good"}),
        resolve(files=[], environment={}, overrides={name: ["./keys", "good"]}),
    ):
        assert found.settings.value(name) == ("good",)
        assert "'./keys'" in str(found.problems[0])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "a = " + "[" * 5000,
        "a = " + "{b=" * 5000,
        "a." * 20_000 + "b = 1",
        '"a".' * 20_000 + "b = 1",
        "[" + "a." * 20_000 + "b]",
        "a = {" + "a." * 20_000 + "b = 1}",
        "x = 9" * 1,
        "fill.candidates = 0x" + "f" * 100_000,
        "fill.candidates = " + "9" * 5000,
        "#" * 1_100_000,
        "x" * 900_000,
        "\x00",
        "\n\ufeff[fill]",
        "[fill]\n" + "".join(f"k{i} = 1\n" for i in range(50_000)),
        "[fill]\ncandidates = inf",
        "[fill]\ncandidates = 1979-05-27",
        "[engine]\nidle_seconds = nan",
    ],
    ids=lambda text: f"{text[:12]!r} of {len(text)}",
)
def test_a_hostile_settings_file_is_read_fast_and_named(tmp_path: Path, text: str) -> None:
    begun = time.process_time()
    found = project(tmp_path, text)
    assert time.process_time() - begun < 3.0
    assert found.settings == Settings()
    assert "dgls.toml" in str(found.problems[0])
    assert sum(len(str(problem)) for problem in found.problems) < 10_000


def test_a_byte_order_mark_before_the_settings_is_ignored(tmp_path: Path) -> None:
    found = project(tmp_path, "\ufeff[show]\nthreshold = 0.75\n")
    assert (found.problems, found.settings.show.threshold) == ((), 0.75)


def test_an_undecodable_variable_is_named(tmp_path: Path) -> None:
    found = resolve(tmp_path, environment={"DGLS_MODEL_NAME": "\udcff"})
    assert found.settings == resolve(tmp_path, environment={}).settings
    assert "'model.name' in the environment must be text" in str(found.problems[0])


@pytest.mark.parametrize("kind", ["device", "fifo", "loop"])
def test_a_settings_path_that_is_not_a_regular_file_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "dgls.toml"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else path)
    found = resolve(tmp_path, files=[], environment={})
    assert found.settings == Settings()
    assert kind == "loop" or "not a regular file" in str(found.problems[0])


@pytest.mark.parametrize(
    "value",
    [10**400, -(10**400), 2**64, float("inf"), float("nan"), 1e400, "x" * 10_000, [10**400]],
    ids=lambda value: str(type(value).__name__),
)
@pytest.mark.parametrize("name", ["fill.automatic_deadline_ms", "fill.candidates", "model.name"])
def test_a_value_out_of_bounds_is_refused_in_a_short_sentence(name: str, value: object) -> None:
    found = resolve(files=[], environment={}, overrides={name: value})
    if name == "model.name" and isinstance(value, str):
        return
    assert found.settings == Settings()
    assert len(str(found.problems[0])) < 400


@pytest.mark.parametrize("name", ["privacy.secrets", "show.files_off"])
@pytest.mark.parametrize(
    "texts",
    [
        [f"*{number}*a*" for number in range(60_000)],
        ["**/a/" * 500 + "x"] * 200,
        ["a/**/b/**/c/**/d"] * 9_000,
    ],
    ids=["many", "long", "deep"],
)
def test_a_projects_patterns_stay_fast_at_each_keystroke(
    tmp_path: Path, name: str, texts: list[str]
) -> None:
    section, _, key = name.partition(".")
    found = project(tmp_path, f"[{section}]\n{key} = {json.dumps(texts)}\n")
    assert "only the first" in str(found.problems[-1])
    kept = patterns(found.settings.value(name))
    begun = time.process_time()
    kept.matches(["a", "b", "c"] * 30 + ["x.py"])
    assert time.process_time() - begun < 2.0


def test_without_a_home_folder_no_user_settings_are_read_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("platformdirs.user_config_dir", lambda *_, **__: "~/.config/dgls")
    hostile = tmp_path / "~" / ".config" / "dgls" / "dgls.toml"
    hostile.parent.mkdir(parents=True)
    hostile.write_text('[engine]\nbackend = "evil:code"\n')
    assert resolve(environment={}).settings == Settings()
