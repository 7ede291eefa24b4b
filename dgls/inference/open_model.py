"""Opens a model by its name."""

from __future__ import annotations

import logging
from dataclasses import replace

import torch

from dgls.checkpoint.automatic_model import AUTO, EMBEDDED
from dgls.checkpoint.checkpoint_config import read_config
from dgls.checkpoint.loading import load_checkpoint
from dgls.checkpoint.precision import chosen_scheme, scheme_of
from dgls.checkpoint.registry import find
from dgls.inference.model import Model
from dgls.network.architecture import TextDiffusionGemma, parameter_count
from dgls.network.fast.network import FastNetwork, can_run_fast
from dgls.network.fast.plain import PlainOperations
from dgls.network.fused import FusedNetwork, can_fuse
from dgls.network.hardware import (
    cache_share,
    chosen_device,
    chosen_dtype,
    multiplies_bf16,
    set_threads,
)
from dgls.network.interface import Network
from dgls.network.library import LibraryNetwork, MixedNetwork
from dgls.network.memory import is_out_of_memory
from dgls.protocol import OnProgress

log = logging.getLogger(__name__)


def open_model(
    name: str = EMBEDDED,
    device: str = "auto",
    threads: int = 0,
    progress: OnProgress = lambda share, what: None,
    *,
    cache_mb: int = 0,
    quantization: str = AUTO,
    canvas: int | None = None,
) -> Model:
    """Load a model by its name (`dgls.checkpoint.registry`) onto a torch device, or "auto".

    `threads` 0 lets dgls choose the number of CPU threads, `cache_mb` 0 the memory of encoded
    prompts in MB, `quantization` "auto" the precision of the published family. `canvas` is the
    width of the widest canvas, in tokens. Raises `ModelNotFoundError`, `CheckpointError` or
    `SettingError`.
    """
    wanted = scheme_of(quantization)
    folder = find(name)
    where = chosen_device(device)
    stored = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    scheme = chosen_scheme(wanted, read_config(folder), where)
    checkpoint = load_checkpoint(folder, where, chosen_dtype(where, stored), progress, scheme)
    set_threads(where, threads, parameter_count(checkpoint.model))
    network = network_of(checkpoint.model, checkpoint.metadata.window)
    room = cache_mb * 1_000_000 or cache_share(where)
    metadata = checkpoint.metadata
    if canvas is not None:
        metadata = replace(metadata, budget={**metadata.budget, "canvas": canvas})
    return Model(network, checkpoint.codec, metadata, room)


def network_of(model: TextDiffusionGemma, window: int) -> Network:
    """The fastest network for a model on up to `window` tokens.

    On a CPU that multiplies bf16, a small model reads canvases in bf16, where only the likeliest
    tokens matter; scores use the model's own precision.
    """
    if not can_fuse(model, window):
        on_gpu = model.device.type == "cuda"
        return warm_network(model) if on_gpu and can_run_fast(model) else LibraryNetwork(model)
    exact = FusedNetwork(model)
    if model.dtype == torch.float32 and multiplies_bf16(exact.device):
        return MixedNetwork(exact, FusedNetwork(model, torch.bfloat16))
    return exact


def warm_network(model: TextDiffusionGemma) -> FastNetwork:
    """The fast network with its kernels compiled, or in plain torch where they do not work.

    A compiler may be missing, or Triton may not support the GPU.
    """
    network = FastNetwork(model)
    try:
        network.warm_up()
    except Exception as error:
        if is_out_of_memory(error):
            raise
        log.warning("fills are slower, because the kernels do not work on this GPU: %s", error)
        return FastNetwork(model, PlainOperations())
    return network
