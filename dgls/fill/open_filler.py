"""Opens a filler by its model's name."""

from __future__ import annotations

import functools
import logging

import torch

from dgls.allocator import give_back_freed_memory, keep_freed_memory
from dgls.checkpoint.automatic_model import AUTO
from dgls.checkpoint.chat_template import template_of
from dgls.checkpoint.edit_model import MIN_PARAMETERS
from dgls.checkpoint.named import Named, fingerprint, resolved
from dgls.checkpoint.qwen2.build import Opened, dense_network
from dgls.checkpoint.qwen2.checks import parameters
from dgls.checkpoint.qwen2.int8 import check_unchanged, make_int8, opened_int8
from dgls.checkpoint.qwen2.lora import weights_of, with_lora, without_lora
from dgls.errors import LoraError
from dgls.fill.adapter import equip
from dgls.fill.adapter_trial import AdapterTrial
from dgls.fill.causal import CausalFiller
from dgls.fill.confidence import confidence_of
from dgls.fill.editing import InstructionEditor
from dgls.fill.filler import Filler
from dgls.fill.knobs import AS_TRAINED, Knobs
from dgls.inference.causal_model import CausalModel, Drafting
from dgls.inference.drafts import MAX_ROWS
from dgls.network.hardware import cache_share, chosen_device
from dgls.network.linear import can_multiply_int8
from dgls.protocol import OnProgress

_log = logging.getLogger(__name__)


def open_filler(
    name: str,
    device: str = "auto",
    threads: int = 0,
    progress: OnProgress = lambda share, what: None,
    *,
    cache_mb: int = 0,
    quantization: str = AUTO,
    adapter: str = AUTO,
    lora: str = AUTO,
    knobs: Knobs = AS_TRAINED,
) -> Filler:
    """Load the named model (`dgls.checkpoint.named`) and return its filler.

    `lora` is the setting `model.lora`; `adapter` and `knobs` are the settings `denoise.*`; the
    other arguments are those of `dgls.inference.open_model.open_model`. Raises
    `ModelNotFoundError`, `CheckpointError`, `ModelMemoryError` or `SettingError`.
    """
    named = with_lora(resolved(name), lora)
    if named.causal:
        return open_causal(
            named, device, threads, progress, cache_mb=cache_mb, adapter=adapter, knobs=knobs
        )
    # The other family's library takes two seconds and 100 MB to import, so it waits here.
    from dgls.fill.canvas import CanvasFiller
    from dgls.fill.strategy import strategy_for
    from dgls.inference.open_model import open_model

    model = open_model(
        named.name,
        device,
        threads,
        progress,
        cache_mb=cache_mb,
        quantization=quantization,
        canvas=knobs.canvas,
    )
    strategy = strategy_for(model.metadata.family, model.metadata.strategy)
    return CanvasFiller(model, knobs.applied(strategy))


def open_causal(
    named: Named,
    device: str = "auto",
    threads: int = 0,
    progress: OnProgress = lambda share, what: None,
    *,
    cache_mb: int = 0,
    exact: bool = False,
    adapter: str = AUTO,
    knobs: Knobs = AS_TRAINED,
) -> CausalFiller:
    """A filler of a causal model: int8 on a CPU, bf16 on a GPU, fp32 if `exact`.

    `adapter` and `knobs` are the settings `denoise.*`.
    """
    where = chosen_device(device)
    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    cache = cache_mb * 1_000_000 or _cache_bytes(where)
    try:
        opened = _opened(named, where, progress, exact=exact)
    except LoraError as error:
        _log.warning("%s", error)
        named = without_lora(named)
        opened = _opened(named, where, progress, exact=exact)
    model = CausalModel(named.name, opened.network, opened.tokenizer, cache)
    if knobs.canvas is not None:
        model.drafting = Drafting(rows=min(knobs.canvas, MAX_ROWS))
    untried = equip(model, named, adapter)
    give_back_freed_memory()
    filler = CausalFiller(model, confidence_of(named.name, named.folder))
    if parameters(opened.network.config) >= MIN_PARAMETERS:
        filler.editor = editor_of(filler.model, named)
    if untried is not None:
        filler.idle_work = AdapterTrial(filler, named.folder, untried).step
    return filler


def prepare(name: str, progress: OnProgress) -> None:
    """Write the files that a causal model's first start would write, so that it starts quickly.

    Raises `ModelNotFoundError`, `CheckpointError` or `ModelMemoryError`.
    """
    named = with_lora(resolved(name), AUTO)
    if named.causal and _takes_int8(chosen_device("auto")):
        make_int8(named, progress)


def _opened(named: Named, where: torch.device, progress: OnProgress, *, exact: bool) -> Opened:
    if _takes_int8(where) and not exact:
        return opened_int8(named, progress)
    dtype = torch.float32 if exact or where.type == "cpu" else torch.bfloat16
    before = fingerprint(named.path)
    source = weights_of(named)
    tokenizer = source.tokenizer()
    network = dense_network(source, where, dtype, progress)
    check_unchanged(named.path, before)
    return Opened(network, tokenizer, named.identity)


def _takes_int8(where: torch.device) -> bool:
    return where.type == "cpu" and can_multiply_int8()


def editor_of(model: CausalModel, named: Named) -> InstructionEditor:
    """The editor by instruction for a causal model of any size."""
    return InstructionEditor(model, functools.cache(lambda: template_of(named.path)))


def _cache_bytes(where: torch.device) -> int:
    """Memory for read prompts: on a CPU, five of a thousand tokens of the smallest model."""
    return 128_000_000 if where.type == "cpu" else cache_share(where)
