"""The model in the engine's own process, from its name to a fill."""

from __future__ import annotations

import pytest
import torch

from dgls.engine.backends.local import LocalBackend
from dgls.errors import EngineError, ModelNotFoundError
from dgls.fill.stop import StopToken
from dgls.protocol import FillRequest
from tests.support.checkpoints import save_tiny

torch.set_num_threads(1)

REQUEST = FillRequest(("def total(items):\n    result = ", "\n    return result\n"))


def test_the_backend_loads_warms_up_and_fills(tmp_path):
    folder = save_tiny(tmp_path / "tiny")
    backend = LocalBackend(str(folder), "cpu", threads=1)
    with pytest.raises(EngineError, match="not loaded"):
        backend.fill(REQUEST, StopToken())
    told: list[tuple[float, str]] = []
    backend.load(lambda share, what: told.append((share, what)))
    assert told[-1] == (1.0, "ready")
    assert backend.name == "tiny"
    assert backend.fill(REQUEST, StopToken()).model == "tiny"


def test_a_missing_model_is_named():
    backend = LocalBackend("/no/such/model")
    with pytest.raises(ModelNotFoundError, match="/no/such/model"):
        backend.load(lambda share, what: None)
    assert backend.name == "/no/such/model"
