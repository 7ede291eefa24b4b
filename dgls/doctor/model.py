"""The models: whether they are on this machine, and in which precision the published one fits."""

from __future__ import annotations

from pathlib import Path

from dgls.checkpoint.automatic_model import AUTO, automatic, offer, why_automatic
from dgls.checkpoint.files import shard_files
from dgls.checkpoint.foreign import own_fields
from dgls.checkpoint.named import resolved
from dgls.checkpoint.precision_fit import NAME, best, fits
from dgls.config import Settings, explicit_settings
from dgls.doctor.findings import Machine, ModelFound, Precision
from dgls.errors import DglsError, ModelNotFoundError

_CPU = "the CPU"


def look_for_models(settings: Settings) -> tuple[ModelFound, ...]:
    """The models of the settings, and the published one."""
    named = settings.model.name, explicit_settings(settings).model.name
    return tuple(_found(name) for name in dict.fromkeys((*named, NAME)))


def precision_of(machine: Machine, settings: Settings) -> Precision:
    """How the published model fits on the device of the settings."""
    where, free = _place(machine, settings.model.device)
    found = fits(free)
    wanted = settings.model.quantization
    fitting = best(found)
    chosen = wanted if wanted != AUTO else (fitting.scheme if fitting else "")
    return Precision(where, found, chosen, _why(where, free, chosen, wanted, machine))


def choice_of(settings: Settings) -> str:
    """Why the settings' model is used, and what `dgls model get` would fetch."""
    name = settings.model.name
    taken = f"{automatic()}: {why_automatic()}" if name in (AUTO, automatic()) else name
    return f"{taken}. {offer()}".strip()


def _found(name: str) -> ModelFound:
    try:
        named = resolved(name)
        folder = named.path
    except ModelNotFoundError as error:
        is_name = "/" in name and not name.startswith((".", "~", "/"))
        needs = "for a GPU with 18 GB or more, " if name == NAME else ""
        fetch = f"not on this machine; {needs}fetch it with: hf download {name}"
        return ModelFound(name, "", 0, fetch if is_name else str(error))
    if named.causal:
        return ModelFound(name, str(folder), _bytes(folder), "")
    try:
        own_fields(folder)
        size = sum(path.stat().st_size for path in shard_files(folder))
    except (DglsError, OSError) as error:
        return ModelFound(name, str(folder), 0, str(error))
    return ModelFound(name, str(folder), size, "")


def _bytes(path: Path) -> int:
    files = path.glob("*.safetensors") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def _place(machine: Machine, device: str) -> tuple[str, int]:
    """The device of the model, and the free bytes there."""
    kind, _, number = device.partition(":")
    index = int(number) if number.isdecimal() else 0
    if kind in (AUTO, "cuda") and index < len(machine.gpus) and not machine.torch.endswith("+cpu"):
        return machine.gpus[index].name, machine.gpus[index].free
    return _CPU, machine.available


def _why(where: str, free: int, chosen: str, wanted: str, machine: Machine) -> str:
    room = f"{free / 1e9:.1f} GB are free on {where}"
    if not chosen:
        return (
            f"{room}, too little for any precision; the embedded model runs anywhere, and vLLM on "
            "another machine."
        )
    if wanted != AUTO:
        return f"{room}; the settings ask for {wanted}."
    slow = "" if machine.gpus else " Without a GPU it would be far too slow to type with."
    quick = "" if where == _CPU else _QUICKER.get(chosen, "")
    return f"{room}, and this is the most exact precision that fits.{slow}{quick}"


_QUICKER = {
    "none": " 8bit fills a short gap faster (model.quantization).",
    "4bit": " 8bit is faster if there is memory for it.",
}
"""Measured on one H200 (docs/performance.md), by the chosen precision."""
