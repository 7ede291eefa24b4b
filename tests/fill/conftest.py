"""A tiny random model in its folder."""

from __future__ import annotations

import pytest

from dgls.checkpoint.loading import load_checkpoint
from dgls.inference.model import Model
from dgls.network.fused import FusedNetwork
from tests.support.checkpoints import save_tiny


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("engine") / "tiny")


@pytest.fixture(scope="session")
def model(folder) -> Model:
    checkpoint = load_checkpoint(folder)
    network = FusedNetwork(checkpoint.model)
    return Model(network, checkpoint.codec, checkpoint.metadata)
