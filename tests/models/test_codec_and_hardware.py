"""A tokenizer reads any text, its own special tokens' names included, and devices are checked."""

from __future__ import annotations

import pytest
import torch

from dgls.errors import CheckpointError, SettingError
from dgls.models import hardware
from dgls.models.codec import HfCodec
from dgls.models.hardware import cache_share, chosen_device, chosen_dtype, set_threads
from dgls.models.prefix_cache import USUAL_BYTES
from tests.support.checkpoints import save_tokenizer


@pytest.fixture(scope="module")
def codec(tmp_path_factory) -> HfCodec:
    return HfCodec.from_file(save_tokenizer(tmp_path_factory.mktemp("codec") / "tokenizer.json"))


@pytest.mark.parametrize(
    "text", ["", "x = 1", "\tif a:\r\n        b", "é → 😀", "s = '<end>'  # <pad><prefix>", "\x00"]
)
def test_text_comes_back(codec, text):
    ids = codec.encode(text)
    assert codec.decode(ids) == text
    assert not set(ids) & set(range(8))


def test_half_a_surrogate_pair_is_no_error(codec):
    assert codec.decode(codec.encode("a\ud83db")) == "a?b"


def test_special_tokens_have_ids_and_no_text(codec):
    assert [codec.token_id(token) for token in ("<pad>", "<end>", "<image>")] == [0, 1, 7]
    assert codec.decode([*codec.encode("ab"), 1, 0, 0]) == "ab"
    with pytest.raises(CheckpointError, match="<mask>"):
        codec.token_id("<mask>")


def test_a_device_that_is_not_there_is_named():
    assert chosen_device("cpu") == torch.device("cpu")
    with pytest.raises(SettingError, match="toaster"):
        chosen_device("toaster")


def test_a_small_model_takes_one_thread_and_a_setting_wins():
    before = torch.get_num_threads()
    try:
        set_threads(torch.device("cpu"), 2, 10)
        assert torch.get_num_threads() == 2
        set_threads(torch.device("cpu"), 0, 10**9)
        assert torch.get_num_threads() == 2
        set_threads(torch.device("cpu"), 0, 10)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_encoded_prompts_take_a_small_share_of_memory(monkeypatch):
    monkeypatch.setattr(hardware, "_memory_bytes", lambda: 64 * 10**9)
    assert cache_share(torch.device("cpu")) == 640_000_000
    monkeypatch.setattr(hardware, "_memory_bytes", lambda: 0)
    assert cache_share(torch.device("cpu")) == USUAL_BYTES
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (8 * 10**9, 24 * 10**9))
    assert cache_share(torch.device("cuda")) == 10**9


@pytest.mark.parametrize(
    ("device", "stored", "dtype"),
    [
        ("cpu", 10_000_000, torch.float32),
        ("cpu", 50_000_000_000, torch.bfloat16),
        ("cuda", 10_000_000, torch.bfloat16),
    ],
)
def test_only_a_small_model_on_the_cpu_runs_in_fp32(device, stored, dtype):
    assert chosen_dtype(torch.device(device), stored) == dtype
