"""Devices are checked; threads, memory and precision suit them."""

from __future__ import annotations

import pytest
import torch

from dgls.errors import SettingError
from dgls.network import hardware
from dgls.network.hardware import USUAL_BYTES, cache_share, chosen_device, chosen_dtype, set_threads


def test_a_missing_device_is_named():
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
