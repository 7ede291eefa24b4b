"""The model, its engine, a remote server instead, and the denoise loop."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from dgls.config.sections.declaring import knob, setting


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """The model, and the device it runs on."""

    name: str = setting(
        "auto",
        "`auto` (the best model on this machine that keeps up with typing), `embedded`, a name "
        "from `dgls model list`, a checkpoint folder or `.gguf` file (absolute, or written "
        "`./...`), or a model in the Hugging Face cache (`owner/name`).",
        project=False,
        identity=True,
    )
    device: str = setting(
        "auto",
        "Where the model runs: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.",
        project=False,
        identity=True,
    )
    threads: int = setting(
        0,
        "Number of CPU threads for the model; 0 lets dgls choose.",
        low=0,
        high=1024,
        project=False,
        identity=True,
    )
    quantization: str = setting(
        "auto",
        "Precision of the 26B model's weights: `none` (bf16), `8bit`, `4bit`, or `auto` for the "
        "most exact that fits into memory.",
        choices=("auto", "none", "8bit", "4bit"),
        project=False,
        identity=True,
    )
    lora: str = setting(
        "auto",
        "Whether a LoRA is merged into the laptop model's weights: `off`, or `auto` for "
        "`lora.safetensors` in the folder of the weights, or else the LoRA that comes with "
        "dgls, if there is one.",
        choices=("auto", "off"),
        project=False,
        identity=True,
    )
    batch: int = setting(
        0,
        "Maximum number of fills that share a forward pass of the model; 0 lets dgls choose.",
        low=0,
        high=256,
        project=False,
        identity=True,
    )
    cache_mb: int = setting(
        0,
        "Maximum memory for encoded prompts, in megabytes; 0 means 128 for the laptop model on "
        "a CPU, and otherwise a share of the device's memory.",
        low=0,
        project=False,
        identity=True,
    )


def is_path(model: str) -> bool:
    """Whether a model's name is a path: absolute, or written `./...`, `../...`, `~/...`.

    Any other name is never a path, even if the working folder has a folder of that name: otherwise
    a repository could choose the model by naming a folder like a published one. Nor is `~name/...`
    if there is no such user.
    """
    starts = ("./", "../", f".{os.sep}", f"..{os.sep}")
    is_absolute = os.path.isabs(os.path.expanduser(model))
    return model in {".", ".."} or model.startswith(starts) or is_absolute


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """The process that owns the model."""

    backend: str = setting(
        "local",
        "What runs the model: `local` (this machine); `vllm`, `chat` or `infill` (the server "
        "named in the section `remote`, which receives your code); or `module:factory` (called "
        "with the settings).",
        project=False,
        identity=True,
    )
    folder: str = setting(
        "",
        "Absolute path of the folder for the engine's socket; empty for the system's runtime "
        "folder.",
        project=False,
    )
    idle_seconds: float = setting(
        1800.0,
        "Seconds without a fill after which the engine exits; 0 for never.",
        low=0,
        project=False,
    )
    start_seconds: float = setting(
        30.0,
        "Maximum time in seconds for a started engine to answer (loading its model may take "
        "longer).",
        low=0.1,
        high=3600,
        project=False,
    )
    max_request_bytes: int = setting(
        4_000_000, "Largest request that the engine reads, in bytes.", low=1000, project=False
    )
    max_waiting: int = setting(
        64,
        "Maximum number of requests that wait for the model; the engine refuses further ones.",
        low=1,
        project=False,
    )


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """The remote server of the backends `vllm`, `chat` and `infill`. Code is sent to it."""

    url: str = setting(
        "",
        "The server's address, such as `https://models.example:8000`, without `/v1`.",
        project=False,
        identity=True,
    )
    model: str = setting(
        "",
        "The model's name on the server. If empty: `model.name`, or the only model that the "
        "server has.",
        project=False,
        identity=True,
    )
    key_file: str = setting(
        "",
        "Absolute path of a file that holds the server's key. Only you may be able to read it.",
        project=False,
        identity=True,
    )
    key_variable: str = setting(
        "",
        "Name of the environment variable that holds the key, if there is no file. The engine "
        "sees the environment of the program that started it.",
        project=False,
        identity=True,
    )
    timeout_seconds: float = setting(
        60.0,
        "Maximum time in seconds to wait for the server's answer.",
        low=0.1,
        high=3600,
        project=False,
        identity=True,
    )
    concurrency: int = setting(
        8,
        "Maximum number of fills that are sent at once.",
        low=1,
        high=256,
        project=False,
        identity=True,
    )
    fallback: bool = setting(
        False,
        "Whether the local model (`model.name`) fills while the server is down.",
        project=False,
        identity=True,
    )


@dataclass(frozen=True, slots=True)
class DenoiseSettings:
    """How a model writes several tokens at once.

    A number that is `auto` is the default of the model's family, or of its checkpoint.
    """

    steps: int | Literal["auto"] = knob(
        int,
        1,
        1024,
        "Maximum number of denoise steps per canvas. More steps take more time; with fewer, "
        "more of the text is a first guess. `auto`: 48 for the 26B model, 5 for the embedded "
        "one, the server's own limit for `vllm`. The laptop model takes as many passes as its "
        "text needs.",
    )
    canvas: int | Literal["auto"] = knob(
        int,
        16,
        256,
        "Maximum width of a canvas, in tokens. Steps on a narrower canvas are faster, but long "
        "gaps do not fit. For `vllm` it must not exceed the server's `--diffusion-config`. "
        "`auto`: what the gap needs, up to the limit in the model's `config.json`; for `vllm` "
        "that limit. For the laptop model it is the number of positions per pass (`auto`: 8; at "
        "most 32).",
    )
    entropy_bound: float | Literal["auto"] = knob(
        float,
        0,
        100,
        "How uncertain the tokens accepted in one step may be together, in nats. A higher value "
        "accepts tokens sooner: fewer steps, more errors. 0 accepts one token per step. `auto`: "
        "0.1 for the 26B model, 3 for the embedded one.",
    )
    temperature_start: float | Literal["auto"] = knob(
        float,
        0.01,
        5,
        "Temperature of the first step; it changes evenly to `denoise.temperature_end`. A "
        "higher value gives more varied, less certain text and takes more steps. `auto`: 0.8 "
        "for the 26B model, 1 for the embedded one.",
    )
    temperature_end: float | Literal["auto"] = knob(
        float,
        0.01,
        5,
        "Temperature of the last possible step. `auto`: 0.4 for the 26B model, 1 for the "
        "embedded one.",
    )
    stop_entropy: float | Literal["auto"] = knob(
        float,
        0,
        20,
        "A canvas that no longer changes is done when its mean entropy is below this value, in "
        "nats. A higher value ends sooner. `auto`: 0.005 for the 26B model, 0.05 for the "
        "embedded one.",
    )
    stop_steps: int | Literal["auto"] = knob(
        int,
        0,
        64,
        "For how many steps a canvas must stay unchanged before it is done. Each further step "
        "costs time and corrects a little more. `auto`: 1.",
    )
    adapter: str = setting(
        "auto",
        "Whether the laptop model's adapter drafts ahead with masks: `on`, `off`, or `auto` to "
        "use it if dgls measured that it makes one-line fills 15 % faster on this machine. The "
        "text is the same either way.",
        choices=("auto", "on", "off"),
        project=False,
        identity=True,
    )
