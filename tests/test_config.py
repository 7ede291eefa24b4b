"""The settings: which source wins, what is refused, and that a bad one affects no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dgls.config import DECLARED, LiveSettings, Resolved, Settings, changed, resolve
from dgls.config.generated import GENERATED, generated_file, schema, vscode_configuration
from dgls.errors import SettingError


def toml(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "dgls.toml"
    path.write_text(text, encoding="utf-8")
    return path


def resolved(tmp_path: Path, **sources: object) -> Resolved:
    """Resolve from nothing but the given sources."""
    given = {"environment": {}, "files": (), **sources}
    return resolve(given.pop("project", None), **given)  # type: ignore[arg-type]


def test_without_any_source_the_defaults_apply(tmp_path: Path) -> None:
    assert resolved(tmp_path) == Resolved(Settings())


def test_later_sources_override_earlier_ones(tmp_path: Path) -> None:
    user = toml(tmp_path / "user", "[fill]\ncandidates = 2\nmax_lines = 2\nsuffix_chars = 2\n")
    toml(tmp_path / "project", "[fill]\ncandidates = 3\nmax_lines = 3\n")
    found = resolved(
        tmp_path,
        files=[user],
        project=tmp_path / "project",
        environment={"DGLS_FILL_CANDIDATES": "4", "PATH": "x"},
    ).strict()
    assert (found.fill.suffix_chars, found.fill.max_lines, found.fill.candidates) == (2, 3, 4)
    found = resolved(
        tmp_path,
        environment={"DGLS_FILL_CANDIDATES": "4"},
        overrides={"fill": {"candidates": 5}, "model.threads": 2},
    ).strict()
    assert (found.fill.candidates, found.model.threads) == (5, 2)


def test_the_nearest_project_file_above_a_folder_counts(tmp_path: Path) -> None:
    toml(tmp_path, "[show]\nthreshold = 0.1\n")
    toml(tmp_path / "inner", "[show]\nthreshold = 0.9\n")
    deep = tmp_path / "inner" / "src" / "package"
    assert resolved(tmp_path, project=deep).strict().show.threshold == 0.9


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"model": {"nmae": "x"}}, "model.nmae"),
        ({"colour": "red"}, "colour"),
        ({"fill": 3}, "fill"),
        ({"fill": {"candidates": "2"}}, "fill.candidates"),
        ({"fill": {"candidates": 2.5}}, "fill.candidates"),
        ({"fill": {"candidates": True}}, "fill.candidates"),
        ({"fill": {"candidates": 0}}, "fill.candidates"),
        ({"fill": {"candidates": 17}}, "fill.candidates"),
        ({"show": {"threshold": float("nan")}}, "show.threshold"),
        ({"show": {"automatic": 1}}, "show.automatic"),
        ({"model": {"name": ["a"]}}, "model.name"),
        ({"privacy": {"secrets": "*.key"}}, "privacy.secrets"),
        ({"privacy": {"secrets": [1]}}, "privacy.secrets"),
        ({"typing": {"completion_list": "sometimes"}}, "typing.completion_list"),
        ({"denoise": {"steps": 0}}, "denoise.steps"),
        ({"denoise": {"steps": 2.5}}, "denoise.steps"),
        ({"denoise": {"steps": "many"}}, "denoise.steps"),
        ({"denoise": {"canvas": 257}}, "denoise.canvas"),
        ({"denoise": {"entropy_bound": -0.1}}, "denoise.entropy_bound"),
        ({"denoise": {"temperature_start": 0}}, "denoise.temperature_start"),
        ({"denoise": {"temperature_end": float("inf")}}, "denoise.temperature_end"),
        ({"denoise": {"stop_entropy": True}}, "denoise.stop_entropy"),
        ({"denoise": {"stop_steps": -1}}, "denoise.stop_steps"),
    ],
)
def test_a_bad_setting_is_named_and_the_rest_is_kept(
    tmp_path: Path, overrides: dict[str, object], named: str
) -> None:
    good = {"engine": {"idle_seconds": 7}}
    found = resolved(tmp_path, overrides={**overrides, **good})
    assert found.settings == changed(Settings(), good)
    (problem,) = found.problems
    assert f"'{named}'" in str(problem)
    with pytest.raises(SettingError):
        found.strict()


def test_a_number_can_be_reset_to_auto(tmp_path: Path) -> None:
    user = toml(tmp_path / "user", "[denoise]\nsteps = 3\nentropy_bound = 1\nstop_steps = 0\n")
    found = resolved(
        tmp_path,
        files=[user],
        environment={"DGLS_DENOISE_STEPS": "auto", "DGLS_DENOISE_STOP_ENTROPY": "0.5"},
    ).strict()
    denoise = found.denoise
    assert (denoise.steps, denoise.entropy_bound) == ("auto", 1.0)
    assert (denoise.stop_steps, denoise.stop_entropy) == (0, 0.5)


def test_a_number_out_of_range_is_one_sentence(tmp_path: Path) -> None:
    (problem,) = resolved(tmp_path, environment={"DGLS_DENOISE_STEPS": "2000"}).problems
    assert str(problem) == (
        "'denoise.steps' in the environment must be 'auto' or a whole number of at least 1 and at "
        "most 1024, not '2000'; it was ignored."
    )


@pytest.mark.parametrize(
    ("name", "meant"), [("maxlines", "fill.max_lines"), ("explicit_mdel", "fill.explicit_model")]
)
def test_an_unknown_setting_suggests_the_likely_one(name: str, meant: str) -> None:
    (problem,) = resolve(files=(), environment={}, overrides={"fill": {name: 3}}).problems
    assert str(problem).endswith(f"it was ignored. Did you mean '{meant}'?")
    (other,) = resolve(files=(), environment={}, overrides={"zzz": {"q": 3}}).problems
    assert "Did you mean" not in str(other)


@pytest.mark.parametrize(
    ("sources", "steps", "notes"),
    [
        ({"overrides": {"remote": {"steps": 8}}}, 8, 1),
        ({"environment": {"DGLS_REMOTE_STEPS": "8"}}, 8, 1),
        ({"overrides": {"remote": {"steps": 0}}}, "auto", 0),
        ({"environment": {"DGLS_REMOTE_STEPS": "0"}}, "auto", 0),
        ({"overrides": {"remote.steps": 8, "denoise.steps": 4}}, 4, 1),
        ({"overrides": {"remote.steps": 8, "denoise.steps": "auto"}}, 8, 1),
    ],
)
def test_an_older_name_counts_and_is_noted(
    tmp_path: Path, sources: dict[str, object], steps: int | str, notes: int
) -> None:
    found = resolved(tmp_path, **sources)
    assert found.strict().denoise.steps == steps
    assert len(found.notes) == notes
    assert all("'remote.steps'" in note and "'denoise.steps'" in note for note in found.messages)


def test_an_older_name_overrides_settings_under_the_newer_one() -> None:
    wide = changed(Settings(), {"denoise.canvas": 64})
    assert changed(wide, {"remote.canvas": 32}).denoise.canvas == 32


def test_a_bad_value_keeps_the_previous_one(tmp_path: Path) -> None:
    found = resolved(
        tmp_path, environment={"DGLS_FILL_MAX_LINES": "3"}, overrides={"fill.max_lines": "many"}
    )
    assert found.settings.fill.max_lines == 3


@pytest.mark.parametrize(
    ("variable", "value", "kept"),
    [
        ("DGLS_FILL_CANDIDATES", "many", ("fill.candidates", "auto")),
        ("DGLS_SHOW_AUTOMATIC", "maybe", ("show.automatic", True)),
        ("DGLS_ENGINE_IDLE_SECONDS", "nan", ("engine.idle_seconds", 1800.0)),
        ("DGLS_MODLE", "x", ("model.name", "auto")),
    ],
)
def test_a_bad_variable_is_named(
    tmp_path: Path, variable: str, value: str, kept: tuple[str, object]
) -> None:
    found = resolved(tmp_path, environment={variable: value})
    assert len(found.problems) == 1
    assert found.settings.value(kept[0]) == kept[1]


@pytest.mark.parametrize(("text", "value"), [("true", True), ("0", False), ("False", False)])
def test_the_environment_spells_booleans_in_words_or_digits(
    tmp_path: Path, text: str, value: bool
) -> None:
    found = resolved(tmp_path, environment={"DGLS_SHOW_AUTOMATIC": text})
    assert found.strict().show.automatic is value


def test_a_project_cannot_choose_what_runs(tmp_path: Path) -> None:
    toml(tmp_path, '[model]\nname = "theirs"\n[engine]\nbackend = "evil:make"\n[fill]\nmax_lines=2')
    found = resolved(tmp_path, project=tmp_path)
    assert found.settings.identity() == Settings().identity()
    assert found.settings.fill.max_lines == 2
    assert len(found.problems) == 2


@pytest.mark.parametrize("text", ["[fill\n", "a = \x00"])
def test_a_broken_file_is_reported_and_the_rest_is_kept(tmp_path: Path, text: str) -> None:
    path = toml(tmp_path, text)
    found = resolved(tmp_path, files=[path], overrides={"fill.max_lines": 4})
    assert found.settings.fill.max_lines == 4
    assert str(path) in str(found.problems[0])


def test_a_file_in_another_encoding_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "dgls.toml"
    path.write_bytes(b'[model]\nname = "\xff\xfe"\n')
    assert str(path) in str(resolved(tmp_path, files=[path]).problems[0])


def test_changed_settings_stay_valid() -> None:
    assert changed(Settings(), {"model.threads": 2}).model.threads == 2
    with pytest.raises(SettingError, match=r"model\.threads"):
        changed(Settings(), {"model.threads": -1})


def test_only_settings_that_change_answers_need_another_engine() -> None:
    base = Settings()
    assert changed(base, {"model.name": "other"}).identity() != base.identity()
    assert changed(base, {"fill.candidates": 3}).identity() == base.identity()
    assert changed(base, {"engine.idle_seconds": 3}).identity() == base.identity()


def test_every_default_is_within_its_own_range() -> None:
    assert changed(Settings(), Settings().flat()) == Settings()
    assert all(item.doc for item in DECLARED.values())


@pytest.mark.parametrize("name", GENERATED)
def test_generated_files_are_up_to_date(name: str) -> None:
    root = Path(__file__).parent.parent
    assert (root / name).read_text(encoding="utf-8") == generated_file(name, root), (
        "Run: python -m dgls.config"
    )


def test_schema_and_manifest_have_every_setting_and_its_scope() -> None:
    sections = schema()["properties"]
    known = {f"{name}.{item}" for name in sections for item in sections[name]["properties"]}
    properties = vscode_configuration()["properties"]

    assert known == set(DECLARED)
    assert set(properties) == {f"dgls.{name}" for name in DECLARED}
    assert properties["dgls.engine.backend"]["scope"] == "machine"
    assert properties["dgls.show.threshold"]["scope"] == "resource"
    assert sections["show"]["properties"]["threshold"]["maximum"] == 1
    assert sections["typing"]["properties"]["completion_list"]["enum"][0] == "auto"


def test_a_list_extends_those_of_earlier_sources(tmp_path: Path) -> None:
    user = toml(tmp_path / "user", '[privacy]\nsecrets = ["*.mine", "both"]\n')
    toml(tmp_path / "project", '[privacy]\nsecrets = ["*.theirs", "both"]\n')
    found = resolved(
        tmp_path,
        files=[user],
        project=tmp_path / "project",
        environment={"DGLS_PRIVACY_SECRETS": "a, b"},
    ).strict()

    assert found.privacy.secrets == ("*.mine", "both", "*.theirs", "a", "b")
    assert changed(found, {"privacy.secrets": ["c"]}).privacy.secrets == ("c",)


def test_live_settings_follow_their_files_and_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    inner = tmp_path / "inner"
    inner.mkdir()
    live = LiveSettings({"fill.max_lines": 7})

    assert live.at(inner).settings.show.automatic is True
    assert live.at(inner) is live.at(inner)

    toml(inner, "[show]\nautomatic = false\n[fill]\nmax_lines = 2\n")
    assert live.at(inner).settings.show.automatic is False
    assert live.at(inner).settings.fill.max_lines == 7
    assert live.at(tmp_path).settings.show.automatic is True

    toml(tmp_path / "config" / "dgls", "[fill]\ncandidates = 3\n")
    assert live.at(tmp_path).settings.fill.candidates == 3

    (inner / "dgls.toml").unlink()
    assert live.at(inner).settings.show.automatic is True


def test_reading_settings_imports_nothing_heavy() -> None:
    code = "import sys, dgls.config; print({'torch', 'numpy', 'httpx', 'asyncio'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
