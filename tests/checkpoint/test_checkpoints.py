"""Checkpoints are loaded as they were saved, in either format; bad ones name their fault."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import DiffusionGemmaForBlockDiffusion

from dgls.canvas.chat import END_OF_TURN, EOS, TOOL, ChatLayout
from dgls.canvas.copies import Copy
from dgls.checkpoint import registry
from dgls.checkpoint.confidence import Calibration, Evidence
from dgls.checkpoint.loading import load_checkpoint
from dgls.checkpoint.metadata import Metadata, read_metadata, write_metadata
from dgls.checkpoint.named import resolved
from dgls.checkpoint.storage import save_checkpoint, text_state
from dgls.config import Settings, changed
from dgls.errors import CheckpointError, ModelNotFoundError
from dgls.inference.open_model import open_model
from dgls.network.architecture import parameter_count
from dgls.network.quantization import SCALE, dequantize_rows, quantize_rows
from dgls.rendezvous.endpoint import absolute
from tests.support.checkpoints import (
    VOCABULARY,
    WINDOW,
    published_config,
    published_model,
    save_published,
    save_tiny,
    save_tokenizer,
    tiny_model,
)

torch.set_num_threads(1)


def logits(model) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    prompt, canvas = torch.randint(8, VOCABULARY, (2, 12), generator=generator)[:, None]
    with torch.no_grad():
        return model(input_ids=prompt, decoder_input_ids=canvas).logits.float()


@pytest.fixture(scope="session")
def tiny8(tmp_path_factory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("checkpoints") / "tiny8", bits=8)


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Path:
    return save_published(tmp_path_factory.mktemp("checkpoints") / "published")


@pytest.fixture
def broken(tiny8, tmp_path) -> Path:
    """A copy of a good checkpoint for a test to break."""
    return Path(shutil.copytree(tiny8, tmp_path / "broken"))


@pytest.mark.parametrize(("bits", "error"), [(32, 0.0), (16, 0.15), (8, 0.15)])
def test_a_checkpoint_loads_as_it_was_saved(tmp_path, bits, error):
    folder = save_tiny(tmp_path / "model", bits)
    loaded = load_checkpoint(folder)
    assert (logits(loaded.model) - logits(tiny_model())).abs().mean() <= error
    assert loaded.metadata == Metadata(name="tiny", window=WINDOW, bits=bits)
    assert parameter_count(loaded.model) == parameter_count(tiny_model())
    assert not loaded.model.training


def test_eight_bits_take_about_a_byte_a_weight(tiny8):
    size = (tiny8 / "model.safetensors").stat().st_size
    assert size < 1.5 * parameter_count(tiny_model())


def test_a_quantised_row_is_within_half_a_step():
    weight = torch.randn(3, 5, 64, generator=torch.Generator().manual_seed(0))
    weight[0, 0] = 0
    steps, scale = quantize_rows(weight)
    assert steps.dtype == torch.int8
    error = (dequantize_rows(steps, scale) - weight).abs()
    assert (error <= scale.unsqueeze(-1) * 0.5001).all()
    assert (error[0, 0] == 0).all()
    assert (steps.abs().amax(dim=-1).flatten()[1:] == 127).all()


def test_sixteen_bits_are_saved_in_the_published_format(tmp_path):
    folder = save_tiny(tmp_path / "model", 16)
    again = DiffusionGemmaForBlockDiffusion.from_pretrained(folder, dtype=torch.float32)
    assert torch.equal(logits(again), logits(load_checkpoint(folder).model))


def test_a_published_folder_loads_without_its_vision_tower(published):
    loaded = load_checkpoint(published)
    reference = DiffusionGemmaForBlockDiffusion.from_pretrained(
        published, dtype=torch.float32, experts_implementation="eager"
    ).eval()
    assert torch.allclose(logits(loaded.model), logits(reference), atol=1e-3)
    assert loaded.model.model.encoder.vision_tower is None
    assert loaded.metadata.family == "chat"


def test_the_vision_tower_and_tied_copies_are_not_stored():
    model = DiffusionGemmaForBlockDiffusion(published_config())
    names = set(text_state(model))
    assert not [name for name in names if "vision" in name]
    assert names == set(text_state(published_model()))
    assert "lm_head.weight" not in names
    assert all(name.endswith("layer_scalar") for name in names if ".encoder." in name)


def test_a_published_folder_opens_as_a_chat_model(published):
    model = open_model(str(published), "cpu")
    assert isinstance(model.layout, ChatLayout)
    assert model.layout.budget.window == 2048
    assert (model.name, model.metadata.threshold) == ("published", None)
    assert [model.codec.token_id(name) for name in (EOS, END_OF_TURN, TOOL)] == [1, 106, 50]


def test_another_version_of_a_family_is_refused(tiny8, tmp_path):
    folder = shutil.copytree(tiny8, tmp_path / "other")
    edit_json(folder / "dgls.json", family="telepathic")
    with pytest.raises(CheckpointError, match="telepathic"):
        open_model(str(folder), "cpu")


def test_saving_replaces_every_file_of_an_older_checkpoint(tmp_path):
    folder = save_tiny(tmp_path / "model", 32, seed=0)
    (folder / "left over").touch()
    save_tiny(folder, 8, seed=1)
    assert not (folder / "left over").exists()
    assert [path.name for path in tmp_path.glob("*.partial")] == []
    assert read_metadata(folder).bits == 8


def test_saving_in_other_bits_writes_nothing(tmp_path):
    tokenizer = save_tokenizer(tmp_path / "tokenizer.json")
    with pytest.raises(CheckpointError, match="not 4"):
        save_checkpoint(tiny_model(), tokenizer, tmp_path / "model", bits=4)
    assert not (tmp_path / "model").exists()


def edit_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def edit_weights(path: Path, edit) -> None:
    weights = load_file(path)
    edit(weights)
    save_file(weights, path)


FAULTS = {
    "no config": (lambda at: (at / "config.json").unlink(), "not a checkpoint"),
    "config is not JSON": (lambda at: (at / "config.json").write_text("{"), "not a checkpoint"),
    "other model": (lambda at: edit_json(at / "config.json", model_type="llama"), "type llama"),
    "GPTQ": (
        lambda at: edit_json(at / "config.json", quantization_config={"quant_method": "gptq"}),
        "Another tool, GPTQ, quantised",
    ),
    "FP8": (
        lambda at: edit_json(
            at / "config.json", quantization_config={"quant_method": "compressed-tensors"}
        ),
        r"FP8, NVFP4\).*vLLM \(docs/team.md\)",
    ),
    "NVFP4": (
        lambda at: (at / "hf_quant_config.json").write_text("{}"),
        r"ModelOpt \(NVFP4.*vLLM \(docs/team.md\)",
    ),
    "MLX": (lambda at: edit_json(at / "config.json", quantization={"bits": 4}), "MLX"),
    "half of the shards": (
        lambda at: (at / "model.safetensors.index.json").write_text(
            json.dumps({"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}})
        ),
        "1 of the 2 weight files .* model-2.safetensors.* Finish its download",
    ),
    "broken index": (
        lambda at: (at / "model.safetensors.index.json").write_text("[]"),
        "cannot be read",
    ),
    "index with a path outside the folder": (
        lambda at: (at / "model.safetensors.index.json").write_text(
            json.dumps({"weight_map": {"a": f"../{at.name}/model.safetensors"}})
        ),
        "is not a file of this folder",
    ),
    "index of pickled weights": (
        lambda at: (
            (at / "model.safetensors").rename(at / "pytorch_model.bin")
            and (at / "model.safetensors.index.json").write_text(
                json.dumps({"weight_map": {"a": "pytorch_model.bin"}})
            )
        ),
        "is not a file of this folder",
    ),
    "index of numbers": (
        lambda at: (at / "model.safetensors.index.json").write_text('{"weight_map": {"a": 7}}'),
        "is not a file of this folder",
    ),
    "index without files": (
        lambda at: (at / "model.safetensors.index.json").write_text('{"weight_map": {}}'),
        "does not name a weight file",
    ),
    "config of wrong types": (
        lambda at: edit_json(at / "config.json", canvas_length="wide"),
        "not valid",
    ),
    "no tokenizer": (lambda at: (at / "tokenizer.json").unlink(), "does not exist"),
    "broken tokenizer": (lambda at: (at / "tokenizer.json").write_text("{}"), "not a tokenizer"),
    "no weights": (lambda at: (at / "model.safetensors").unlink(), "no safetensors"),
    "pickled weights": (
        lambda at: (at / "model.safetensors").rename(at / "pytorch_model.bin"),
        "never loaded",
    ),
    "partial download": (
        lambda at: (at / "model.safetensors").write_bytes(
            (at / "model.safetensors").read_bytes()[:5000]
        ),
        "cannot be loaded",
    ),
    "missing weight": (
        lambda at: edit_weights(
            at / "model.safetensors", lambda w: w.pop("model.decoder.norm.weight")
        ),
        "are missing",
    ),
    "foreign weight": (
        lambda at: edit_weights(
            at / "model.safetensors", lambda w: w.update({"other.weight": torch.ones(2)})
        ),
        "belongs to another model",
    ),
    "weight of another shape": (
        lambda at: edit_weights(
            at / "model.safetensors",
            lambda w: w.update({"model.decoder.norm.weight": torch.ones(2)}),
        ),
        "cannot be loaded",
    ),
    "scales of another shape": (
        lambda at: edit_weights(
            at / "model.safetensors",
            lambda w: w.update({"model.decoder.embed_tokens.weight" + SCALE: torch.ones(3)}),
        ),
        "cannot be loaded",
    ),
    "metadata of another version": (lambda at: edit_json(at / "dgls.json", colour=1), "colour"),
    "too small a vocabulary": (
        lambda at: edit_json(
            at / "config.json",
            text_config={**json.loads((at / "config.json").read_text())["text_config"]}
            | {"vocab_size": 40},
        ),
        "do not belong together",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_checkpoint_says_what_is_wrong(broken, fault):
    damage, says = FAULTS[fault]
    damage(broken)
    with pytest.raises(CheckpointError, match=says):
        load_checkpoint(broken)


def test_loading_reports_its_progress(tiny8):
    seen: list[float] = []
    load_checkpoint(tiny8, progress=lambda share, what: seen.append(share))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)


def test_loading_prints_nothing(tiny8, capfd):
    load_checkpoint(tiny8)
    assert capfd.readouterr() == ("", "")


def test_metadata_survives_saving(tmp_path):
    metadata = Metadata(
        name="m",
        window=99,
        calibration=Calibration(1.0, 0.1, 0.2, 0.3),
        budget={"suffix": 5},
        strategy={"noise": 0},
        notes={"steps": 3},
    )
    write_metadata(metadata, tmp_path)
    assert read_metadata(tmp_path) == metadata
    assert read_metadata(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    ("better", "worse"), [((-1.0, 5), (-9.0, 5)), ((-1.0, 1), (-40.0, 4)), ((0.0, 1), (-0.1, 1))]
)
def test_the_default_calibration_rises_with_the_mean(better, worse):
    confidence = Calibration().confidence
    assert 0 < confidence(Evidence(*worse)) < confidence(Evidence(*better)) < 1


def test_a_calibration_is_a_logistic_of_the_measured_features():
    calibration = Calibration(bias=0.5, total=0.25, mean=2.0, length=-0.125, copied=1.5, votes=1.0)
    chance = calibration.confidence(Evidence(-4.0, 8))
    assert chance == pytest.approx(1 / (1 + math.exp(-(0.5 - 1.0 - 1.0 - 1.0))))
    copy = Copy("text", left=3, likeness=0.5, votes=2, places=4, renamed=False)
    copied = calibration.confidence(Evidence(-4.0, 8, copy=copy))
    assert copied == pytest.approx(1 / (1 + math.exp(-(0.5 - 3.0 + 1.5 + math.log(3)))))


def test_every_feature_of_the_evidence_has_a_weight():
    copy = Copy("text", left=3, likeness=0.5, votes=2, places=4, renamed=True)
    features = Evidence(-4.0, 8, drafted=True, copy=copy).features()
    assert set(features) | {"bias"} == {field.name for field in dataclasses.fields(Calibration)}


def test_a_folder_is_found_by_its_path(tiny8, monkeypatch):
    assert registry.find(str(tiny8)) == tiny8
    monkeypatch.chdir(tiny8.parent)
    assert registry.find("./tiny8") == tiny8


@pytest.mark.parametrize("name", ["tiny8", "google/diffusiongemma-26B-A4B-it", ".hidden/name"])
def test_a_name_never_means_a_folder_in_the_working_directory(tiny8, tmp_path, monkeypatch, name):
    """Otherwise a repository could choose the model."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    shutil.copytree(tiny8, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFoundError, match=rf"write \./{name}"):
        registry.find(name)
    assert absolute(changed(Settings(), {"model.name": name})).model.name == name
    assert registry.find(f"./{name}") == tmp_path / name


@pytest.mark.parametrize("name", ["~no-such-user", "~no-such-user/model", "~no-such-user/a.gguf"])
def test_an_unknown_home_folder_is_not_searched_in_the_working_directory(
    tiny8, tmp_path, monkeypatch, name
):
    """If `~` cannot be expanded, the path stays relative to the working directory."""
    shutil.copytree(tiny8, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFoundError, match="not the name of a model"):
        resolved(name)
    assert absolute(changed(Settings(), {"model.name": name})).model.name == name


@pytest.mark.parametrize("cache", ["hub", "./huggingface/hub", "~no-such-user/hub"])
def test_a_relative_cache_is_not_searched_in_the_working_directory(
    tiny8, tmp_path, monkeypatch, cache
):
    """An empty `HF_HOME` or `XDG_CACHE_HOME` makes the cache `hub` or `huggingface/hub`."""
    repository = tmp_path / cache / "models--some--model"
    shutil.copytree(tiny8, repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", cache)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFoundError, match="not an absolute path"):
        registry.find("some/model")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("/no/such/folder", "No checkpoint"),
        ("toy-bse", "Did you mean 'toy-base'"),
        ("foo", "dgls model list"),
        ("nobody/nothing", "hf download nobody/nothing"),
        ("not a name!", "not the name of a model"),
    ],
)
def test_a_missing_model_is_named_with_what_to_do(name, says):
    with pytest.raises(ModelNotFoundError, match=says):
        registry.find(name)


def test_a_model_in_the_cache_is_found(tmp_path, monkeypatch, tiny8):
    repository = tmp_path / "models--some--model"
    snapshot = repository / "snapshots" / "abc"
    shutil.copytree(tiny8, snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert registry.find("some/model") == snapshot
    assert registry.name_of(snapshot) == "some/model"
    assert registry.name_of(tiny8) == "tiny8"


def test_the_embedded_model_is_named_when_it_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "_EMBEDDED_FOLDER", tmp_path)
    with pytest.raises(ModelNotFoundError, match="lacks its embedded model"):
        registry.find("embedded")
