"""Shared helpers of the tests of Qwen2's files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from dgls.checkpoint.qwen2.build import dense_network
from dgls.checkpoint.qwen2.checks import CheckedSource
from dgls.checkpoint.qwen2.source import open_source
from dgls.network.linear import can_multiply_int8
from dgls.network.qwen2 import Qwen2Network
from dgls.network.rows import Rows
from tests.support.qwen2 import (
    CPU,
    VOCABULARY,
    quietly,
)

TEXT = torch.arange(40) * 7 % VOCABULARY


needs_int8 = pytest.mark.skipif(
    not can_multiply_int8(), reason="torch has no int8 products on this machine"
)


def logits(network: Qwen2Network) -> Tensor:
    return network.logits(network.read(Rows(TEXT), network.slots(64)))


def dense(path: Path) -> Qwen2Network:
    return dense_network(CheckedSource(open_source(path), path), CPU, torch.float32, quietly)
