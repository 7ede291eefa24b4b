"""The laptop model in this process: in int8, and exact."""

from __future__ import annotations

import pytest

from dgls.checkpoint.catalogue import entry_named
from dgls.checkpoint.named import Named
from dgls.fill.causal import CausalFiller
from dgls.fill.open_filler import open_causal
from dgls.network.linear import can_multiply_int8
from tests.support.laptop_model import NAME, laptop_gguf


@pytest.fixture(scope="session")
def named() -> Named:
    return Named(NAME, laptop_gguf(), True, entry_named(NAME).sha256)


@pytest.fixture(scope="session")
def filler(named: Named) -> CausalFiller:
    """As in an editor's engine."""
    if not can_multiply_int8():
        pytest.skip("torch has no int8 products on this machine")
    return open_causal(named, "cpu", adapter="on")


@pytest.fixture(scope="session")
def exact(named: Named) -> CausalFiller:
    """In fp32."""
    return open_causal(named, "cpu", exact=True)
