"""`dgls doctor` reports on machines of all kinds, and never fails itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dgls.checkpoint.precision_fit import NAME
from dgls.config import Settings, changed
from dgls.doctor.editors import look_for_editors
from dgls.doctor.engine import seconds_of
from dgls.doctor.findings import Gpu, Machine
from dgls.doctor.machine import look_at_machine
from dgls.doctor.model import look_for_models, precision_of
from dgls.editors.guides import guide
from dgls.editors.writing import write
from tests.support.checkpoints import save_published, save_tiny
from tests.support.engines import ROOT

GPU = Gpu("NVIDIA GeForce RTX 5090", "580.65", 34_190_917_632, 33_000_000_000)


def machine(*gpus: Gpu, torch: str = "2.13.0", available: int = 20 * 10**9) -> Machine:
    return Machine("Linux", "3.12", torch, 8, 32 * 10**9, available, gpus, "")


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A separate machine: nothing on PATH, no settings, no engine, only given models."""
    for variable in [name for name in os.environ if name.startswith("DGLS_")]:
        monkeypatch.delenv(variable)
    for name in ("CONFIG", "CACHE", "STATE", "RUNTIME"):
        folder = tmp_path / name.lower()
        folder.mkdir(mode=0o700)
        monkeypatch.setenv(f"XDG_{name}_{'DIR' if name == 'RUNTIME' else 'HOME'}", str(folder))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/bin")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache" / "hub"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def program(place: Path, name: str, script: str) -> None:
    path = place / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def doctor(place: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dgls", "doctor", *arguments],
        cwd=place,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_gpu_is_reported_with_memory_and_driver(place):
    program(place, "nvidia-smi", "echo 'NVIDIA H200, 580.65, 143771, 143000'")
    (gpu,) = look_at_machine().gpus
    assert gpu == Gpu("NVIDIA H200", "580.65", 143_771 * 2**20, 143_000 * 2**20)


@pytest.mark.parametrize(
    "script", ["exit 9", "echo 'No devices were found'", "echo 'A, B, [N/A], [N/A]'", "sleep 30"]
)
def test_a_failing_driver_counts_as_no_gpu(place, script):
    program(place, "nvidia-smi", script)
    assert look_at_machine().gpus == ()


def test_a_machine_without_a_gpu_says_so(place):
    assert "run on the CPU" in look_at_machine().note


@pytest.mark.parametrize(
    ("found", "quantization", "chosen", "why"),
    [
        (machine(GPU), "auto", "8bit", "33.0 GB are free on NVIDIA GeForce RTX 5090, and this is"),
        (machine(GPU), "4bit", "4bit", "the settings ask for 4bit"),
        (
            machine(replace(GPU, free=20 * 10**9)),
            "auto",
            "4bit",
            "8bit is faster if there is memory",
        ),
        (machine(replace(GPU, free=70 * 10**9)), "auto", "none", "8bit fills a short gap faster"),
        (machine(GPU, torch="2.13.0+cpu"), "auto", "4bit", "20.0 GB are free on the CPU"),
        (machine(), "auto", "4bit", "far too slow to type with"),
        (
            machine(available=8 * 10**9),
            "auto",
            "",
            "too little for any precision; the embedded model",
        ),
    ],
)
def test_the_precision_that_fits_is_reported_with_the_reason(found, quantization, chosen, why):
    settings = changed(Settings(), {"model.quantization": quantization})
    precision = precision_of(found, settings)
    assert precision.chosen == chosen
    assert why in precision.why


def test_models_are_found_missing_partial_or_foreign(place, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(place / "cache" / "hub"))
    repository = place / "cache" / "hub" / "models--google--diffusiongemma-26B-A4B-it"
    snapshot = repository / "snapshots" / "abc"

    def published():
        return look_for_models(Settings())[1]

    assert published().problem == (
        f"not on this machine; for a GPU with 18 GB or more, fetch it with: hf download {NAME}"
    )
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    save_published(snapshot)
    assert published().is_ready
    assert published().bytes > 0
    sorted(snapshot.glob("*.safetensors"))[-1].unlink()
    assert "Finish its download" in published().problem
    config = json.loads((snapshot / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "modelopt"}
    (snapshot / "config.json").write_text(json.dumps(config))
    assert "docs/team.md" in published().problem


def test_the_model_for_explicit_requests_is_checked_too():
    settings = changed(Settings(), {"fill.explicit_model": "/no/model"})
    found = {each.name: each for each in look_for_models(settings)}
    assert not found["/no/model"].is_ready
    assert found[settings.model.name].is_ready


def test_editors_on_the_path_are_found(place):
    program(place, "nvim", "echo 'NVIM v0.12.4'; echo 'Build type: Release'")
    program(place, "hx", "exit 1")
    neovim, helix = look_for_editors()
    assert (neovim.name, neovim.version) == ("Neovim", "0.12.4")
    assert (helix.name, helix.version) == ("Helix", "")


def test_editors_with_and_without_dgls_are_distinguished(place, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place))
    program(place, "nvim", "echo 'NVIM v0.12.4'")
    (before,) = look_for_editors()
    assert before.how == "dgls editor neovim --write adds dgls"
    write(guide("neovim"))
    (after,) = look_for_editors()
    assert after.how == f"dgls is in {place / 'nvim' / 'plugin' / 'dgls.lua'}"


def test_a_line_is_not_wrapped_outside_a_terminal(place):
    told = doctor(place, COLUMNS="40")
    (setting,) = (line for line in told.stdout.splitlines() if line.startswith("setting"))
    assert re.fullmatch(r"setting  all \d+ have their defaults", setting)
    assert max(map(len, told.stdout.splitlines())) > 40


@pytest.mark.parametrize(
    ("elapsed", "seconds"),
    [("00:07", 7), ("12:34", 754), ("01:00:00", 3600), ("2-00:00:01", 172_801), ("?", 0)],
)
def test_times_are_read_as_ps_writes_them(elapsed, seconds):
    assert seconds_of(elapsed) == seconds


def test_settings_are_listed_with_their_sources(place):
    (place / "dgls.toml").write_text("[fill]\ncandidates = 3\n\n[model]\nname = 'mine'\n")
    told = doctor(place, DGLS_SHOW_AUTOMATIC="false")
    assert f"fill.candidates = 3 from {place / 'dgls.toml'}" in told.stdout
    assert "show.automatic = false from the environment" in told.stdout
    assert "a project cannot set it" in told.stdout
    assert told.returncode == 1


def test_json_holds_everything(place):
    told = json.loads(doctor(place, "--json").stdout)
    assert told["engine"]["state"] == "none"
    assert told["models"][1]["name"] == NAME
    assert {each["scheme"]: each["fits"] for each in told["precision"]["fits"]}.keys() == {
        "none",
        "8bit",
        "4bit",
    }
    assert {each["origin"] for each in told["settings"]} == {"default"}
    assert told["speed"] is None


def test_real_fills_are_measured_and_the_started_engine_stopped(place):
    folder = save_tiny(place / "tiny")
    told = doctor(place, "--measure", DGLS_MODEL_NAME=str(folder), DGLS_MODEL_DEVICE="cpu")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "ms per fill with tiny (median of 5" in told.stdout
    assert "s to start" in told.stdout
    # Each stage of the start once, however often the engine was polled.
    stages = told.stderr.splitlines()
    assert "timing fills (0 %)" in stages
    assert len(stages) == len(set(stages))
    after = json.loads(doctor(place, "--json", DGLS_MODEL_NAME=str(folder)).stdout)
    assert (after["engine"]["state"], after["engine"]["others"]) == ("none", 0)


def test_a_model_that_cannot_be_loaded_is_a_problem_without_a_crash(place):
    folder = save_tiny(place / "tiny")
    (folder / "model.safetensors").write_bytes(b"no weights")
    told = doctor(place, "--measure", DGLS_MODEL_NAME=str(folder), DGLS_MODEL_DEVICE="cpu")
    assert told.returncode == 1
    assert "cannot be loaded" in told.stdout
    shutil.rmtree(folder)
    missing = doctor(place, DGLS_MODEL_NAME=str(folder))
    assert missing.returncode == 1
    assert "No checkpoint is in" in missing.stdout
