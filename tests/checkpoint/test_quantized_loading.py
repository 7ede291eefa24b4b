"""The published family in 8 and 4 bits: exact dequantised weights, low memory, kept files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import DiffusionGemmaForBlockDiffusion

from dgls.checkpoint import loading, precision, quantized_cache
from dgls.checkpoint.assembly import assemble, empty_model, weight_shapes
from dgls.checkpoint.footprint import footprints, table
from dgls.checkpoint.loading import load_checkpoint
from dgls.checkpoint.precision import chosen_scheme, scheme_of
from dgls.checkpoint.precision_fit import PUBLISHED, best, fits
from dgls.checkpoint.published import published_config as full_size
from dgls.checkpoint.scheme import Scheme, hold, widened
from dgls.checkpoint.shards import read_weights
from dgls.errors import CheckpointError, SettingError
from dgls.inference.open_model import open_model
from dgls.network.architecture import parameter_count
from dgls.network.nf4 import Nf4
from dgls.network.quantization import Rows8
from tests.support.checkpoints import CHAT_VOCABULARY, published_config, save_published

torch.set_num_threads(1)

SHAPE = {"hidden": 64, "expert_ffn": 64}
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Path:
    return save_published(tmp_path_factory.mktemp("quantized") / "published", **SHAPE)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "dgls" / "quantized"


def logits(model) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    prompt, canvas = torch.randint(107, CHAT_VOCABULARY, (2, 24), generator=generator)[:, None]
    with torch.no_grad():
        return model(input_ids=prompt, decoder_input_ids=canvas).logits.float()


def plain(folder: Path, scheme: Scheme):
    """The library's own path through the scheme's dequantised weights."""
    weights = (
        (read.name, widened(hold(read.name, read.weight, scheme, torch.float32), torch.float32))
        for read in read_weights(folder)
    )
    config = published_config(**SHAPE)
    return assemble(config, weights, "cpu")


@pytest.mark.parametrize("scheme", [Scheme.EIGHT, Scheme.FOUR])
def test_quantised_weights_give_bit_equal_logits_to_dequantised_ones(published, scheme):
    loaded = load_checkpoint(published, scheme=scheme).model
    experts = loaded.model.decoder.layers[0].experts
    assert isinstance(experts.gate_up_proj, Nf4 if scheme is Scheme.FOUR else Rows8)
    assert torch.equal(logits(loaded), logits(plain(published, scheme)))


@pytest.mark.parametrize(("scheme", "most"), [(Scheme.EIGHT, 0.15), (Scheme.FOUR, 0.4)])
def test_the_error_against_the_original_is_bounded(published, scheme, most):
    # Far more than with trained weights: random logits have a spread of 16, and experts are noise.
    before = logits(load_checkpoint(published).model)
    after = logits(load_checkpoint(published, scheme=scheme).model)
    assert 0 < (after - before).square().mean().sqrt() / before.std() < most


def test_unquantised_weights_equal_the_librarys(published):
    reference = DiffusionGemmaForBlockDiffusion.from_pretrained(
        published, dtype=torch.float32, experts_implementation="eager"
    ).eval()
    loaded = load_checkpoint(published).model
    assert torch.allclose(logits(loaded), logits(reference), atol=1e-4)
    reference.model.encoder.vision_tower = reference.model.encoder.embed_vision = None
    assert parameter_count(loaded) == parameter_count(reference)
    tied = loaded.model.encoder.language_model.layers[0].mlp.up_proj.weight
    assert tied is loaded.model.decoder.layers[0].mlp.up_proj.weight
    assert loaded.lm_head.weight is loaded.model.decoder.embed_tokens.weight


def test_a_quantised_model_fills(published):
    model = open_model(str(published), "cpu", 1, quantization="4bit")
    prompt = model.encode(range(107, 140))
    assert len(model.judge(prompt, [(120, 121)])[0]) == 2


def unquantisable(*arguments):
    raise AssertionError("was quantised again")


def test_the_next_start_reads_the_stored_weights(published, cache, monkeypatch):
    first = logits(load_checkpoint(published, scheme=Scheme.FOUR).model)
    (folder,) = cache.glob("*/*")
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert size < 0.6 * sum(path.stat().st_size for path in published.glob("*.safetensors"))
    monkeypatch.setattr(loading, "hold", unquantisable)
    assert torch.equal(logits(load_checkpoint(published, scheme=Scheme.FOUR).model), first)


def test_each_scheme_is_stored_and_files_of_older_weights_are_deleted(published, cache, tmp_path):
    folder = Path(shutil.copytree(published, tmp_path / "copy"))
    for scheme in (Scheme.EIGHT, Scheme.FOUR):
        load_checkpoint(folder, scheme=scheme)
    before = {path.name for path in cache.glob("*/*")}
    assert {name.split("-")[0] for name in before} == {"8bit", "4bit"}
    os.utime(folder / "config.json", ns=(1, 1))
    load_checkpoint(folder, scheme=Scheme.FOUR)
    after = {path.name for path in cache.glob("*/*")}
    assert len(after) == 2
    assert len(after & before) == 1


def test_broken_stored_weights_are_made_again(published, cache):
    first = logits(load_checkpoint(published, scheme=Scheme.FOUR).model)
    (file,) = cache.glob("*/*/*.safetensors")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert torch.equal(logits(load_checkpoint(published, scheme=Scheme.FOUR).model), first)
    (file,) = cache.glob("*/*/*.safetensors")
    assert file.stat().st_size == len(whole)


def no_room(path):
    return shutil._ntuple_diskusage(10, 10, 0)


def full_disk(*arguments, **named):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("module", "name", "fault"),
    [(shutil, "disk_usage", no_room), (quantized_cache, "save_file", full_disk)],
)
def test_a_full_disk_stores_nothing_and_the_model_loads(
    published, cache, monkeypatch, caplog, module, name, fault
):
    monkeypatch.setattr(module, name, fault)
    load_checkpoint(published, scheme=Scheme.FOUR)
    assert list(cache.glob("*/*")) == []
    assert "are not kept" in caplog.text


def test_a_bad_checkpoint_leaves_nothing_on_disk(published, cache, tmp_path):
    folder = Path(shutil.copytree(published, tmp_path / "cut"))
    last = sorted(folder.glob("*.safetensors"))[-1]
    last.write_bytes(last.read_bytes()[:500])
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load_checkpoint(folder, scheme=Scheme.FOUR)
    assert list(cache.glob("*/*")) == []


def test_progress_rises_and_names_the_step(published):
    told: list[tuple[float, str]] = []

    def load() -> set[str]:
        told.clear()
        load_checkpoint(published, progress=lambda *each: told.append(each), scheme=Scheme.FOUR)
        shares = [share for share, _ in told]
        assert shares == sorted(shares)
        return {what for _, what in told[1:-1]}

    assert load() == {"quantising the weights"}
    assert load() == {"loading the weights"}


PEAK = """
import sys
from pathlib import Path
import torch
from dgls.checkpoint.loading import load_checkpoint
from dgls.checkpoint.scheme import Scheme

def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("RssAnon")).split()[1])

torch.set_num_threads(1)
torch.nn.functional.linear(torch.ones(9, 9), torch.ones(9, 9))
# What the first load imports stays in memory and is none of a model's.
load_checkpoint(Path(sys.argv[2]), dtype=torch.bfloat16, scheme=Scheme.FOUR)
before, most = anonymous(), 0
def progress(share, what):
    global most
    most = max(most, anonymous())
load_checkpoint(Path(sys.argv[1]), dtype=torch.bfloat16, progress=progress, scheme=Scheme.FOUR)
print(most - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs Linux's /proc")
def test_quantising_holds_the_result_and_one_weight_in_memory(tmp_path, monkeypatch):
    shape = {"hidden": 512, "expert_ffn": 512, "experts": 16, "layers": 8}
    folder = save_published(tmp_path / "wide", dtype=torch.bfloat16, **shape)
    small = save_published(tmp_path / "small", dtype=torch.bfloat16)
    stored = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    result = footprints(published_config(**shape))[Scheme.FOUR].total
    largest = 2 * 16 * 2 * 512 * 512
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # Measure what is requested, not what the allocator keeps for later.
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", str(2**20))
    done = subprocess.run(
        [sys.executable, "-c", PEAK, folder, small], capture_output=True, text=True, check=True
    )
    # Data for the disk is held until a shard is full, but it is the result itself.
    assert int(done.stdout) < result + 3 * largest < 0.6 * stored


def test_the_published_model_fits_18_gb_in_4_bits():
    sizes = footprints(full_size())
    assert {str(scheme): each.total for scheme, each in sizes.items()} == pytest.approx(
        PUBLISHED, rel=1e-3
    )
    assert sizes[Scheme.FOUR].total < 16e9
    assert "| experts | 45.68 | 22.90 | 12.13 |" in table(sizes)
    weights = sum(shape.numel() for shape in weight_shapes(empty_model(full_size())).values())
    assert weights == pytest.approx(25.2e9, rel=0.01)


@pytest.mark.parametrize(
    ("gigabytes", "scheme"), [(80, "none"), (32, "8bit"), (18, "4bit"), (16, None)]
)
def test_the_most_exact_scheme_that_fits_is_chosen(monkeypatch, gigabytes, scheme):
    found = best(fits(gigabytes * 10**9))
    assert (found and found.scheme) == scheme
    monkeypatch.setattr(precision, "free_memory", lambda device: gigabytes * 10**9)
    if scheme is None:
        with pytest.raises(CheckpointError, match=r"needs 17\.8 GB even in 4bit, and 16\.0 GB"):
            chosen_scheme(None, full_size(), torch.device("cpu"))
    else:
        assert chosen_scheme(None, full_size(), torch.device("cpu")) == scheme


def test_small_models_are_quantised_only_on_request():
    assert chosen_scheme(None, published_config(), torch.device("cpu")) is Scheme.NONE
    assert chosen_scheme(Scheme.FOUR, published_config(), torch.device("cpu")) is Scheme.FOUR


def test_an_unknown_scheme_is_refused():
    assert scheme_of("auto") is None
    with pytest.raises(SettingError, match="8bit or 4bit, not '3bit'"):
        scheme_of("3bit")
