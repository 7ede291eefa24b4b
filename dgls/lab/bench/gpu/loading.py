"""The cost of weights at a start: quantising them, storing them, and reading them back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from dgls.checkpoint.assembly import assemble, empty_model, weight_shapes
from dgls.checkpoint.random_weights import random_weight, random_weights
from dgls.checkpoint.scheme import hold
from dgls.lab.bench.gpu.figures import Figure
from dgls.lab.bench.gpu.subject import Subject
from dgls.network.fast.network import FastNetwork


def quantising(subject: Subject, bandwidth: float) -> Iterator[Figure]:
    """All weights quantised one after the other, as at a first start.

    They are drawn on the device, which is not counted; reading them from a disk would be extra.
    """
    config: Any = subject.size.config()
    dtype, scheme = subject.network.dtype, subject.scheme
    generator = torch.Generator(subject.device).manual_seed(0)
    seconds, count = 0.0, 0
    for name, shape in weight_shapes(empty_model(config)).items():
        weight = random_weight(shape, dtype, generator)
        begun = subject.now()
        hold(name, weight, scheme, dtype)
        seconds += subject.now() - begun
        count += weight.nbytes
    what = f"quantising {count / 1e9:.1f} GB on the device"
    yield Figure("weights", str(scheme), what, seconds, "s")


def storing(subject: Subject, bandwidth: float) -> Iterator[Figure]:
    """Write the quantised weights to disk and read them back, as starts do.

    Freshly written files are probably read from memory: a cold disk adds its own time.
    """
    from dgls.checkpoint.quantized_cache import keeping, read_kept

    config: Any = subject.size.config()
    device, dtype, scheme = subject.device, subject.network.dtype, subject.scheme
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "weights"
        begun = subject.now()
        for _ in keeping(random_weights(config, scheme, device, dtype), folder, 0):
            pass
        written = subject.now() - begun
        if not folder.is_dir():
            raise RuntimeError("the weights were not kept: the disk has no room, or failed")
        size = sum(file.stat().st_size for file in folder.iterdir())
        what = f"keeping {size / 1e9:.1f} GB on disk, a first start's part"
        yield Figure("weights", str(scheme), what, written, "s")
        begun = subject.now()
        weights = ((name, weight) for name, weight, _ in read_kept(folder, device))
        FastNetwork(assemble(config, weights, device, quantized=True))
        what = f"loading {size / 1e9:.1f} GB that were kept, every further start's part"
        yield Figure("weights", str(scheme), what, subject.now() - begun, "s")
