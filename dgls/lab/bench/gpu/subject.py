"""The object of measurement: a random model of a size, in a scheme, on a device."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dgls.checkpoint.published import published_config
from dgls.checkpoint.random_weights import random_model, small_config
from dgls.checkpoint.scheme import Scheme
from dgls.diffusion.loop import Denoised, DenoiseSettings, denoise
from dgls.diffusion.noise import uniform_tokens
from dgls.diffusion.stopping import StopRule
from dgls.network.architecture import parameter_count
from dgls.network.fast.network import FastNetwork
from dgls.network.fast.operations import Operations
from dgls.network.fast.plain import PlainOperations
from dgls.network.hardware import set_threads
from dgls.network.past import Past


@dataclass(frozen=True, slots=True)
class Size:
    """The lengths of all measurements, in tokens."""

    name: str
    prefix: int
    long_prefix: int
    canvases: tuple[int, ...]
    gap: int
    gap_steps: int
    canvas: int
    canvas_steps: int
    rows: tuple[int, ...]
    repeats: int
    copied: int
    """The bytes copied to measure memory bandwidth."""

    def config(self) -> Any:
        """Makes the model's configuration."""
        return published_config() if self.name == "full" else small_config()


FULL = Size("full", 2048, 4096, (32, 64, 128, 256), 32, 8, 256, 16, (1, 2, 4, 8), 20, 4_000_000_000)
TOY = Size("toy", 48, 64, (8, 16), 8, 2, 16, 2, (1, 2), 2, 4_000_000)
SIZES = {size.name: size for size in (FULL, TOY)}


class Subject:
    """A model and its network, with the prompts that all parts share."""

    def __init__(
        self, size: Size, scheme: Scheme, device: torch.device, *, plain: bool = False
    ) -> None:
        """With `plain` the kernels are never used."""
        self.size = size
        self.scheme = scheme
        self.device = device
        dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.model: Any = random_model(size.config(), scheme, device, dtype)
        set_threads(device, 0, parameter_count(self.model))
        self.network = FastNetwork(self.model, PlainOperations() if plain else None)
        self._pasts: dict[int, Past] = {}

    @property
    def is_plain(self) -> bool:
        """Whether it runs in plain torch, as without a GPU."""
        return isinstance(self.network.operations, PlainOperations)

    def kernels(self) -> Operations:
        """The kernels, even if the network uses plain torch; without a GPU plain torch."""
        if self.device.type != "cuda":
            return PlainOperations()
        from dgls.network.fast.triton_operations import TritonOperations

        return TritonOperations()

    def use_uncaptured(self) -> None:
        """From now on, launch the kernels one by one from the host."""
        if self.device.type == "cuda":
            # A failed capture leaves its own stream active.
            torch.cuda.set_stream(torch.cuda.default_stream(self.device))
        self.network = FastNetwork(self.model)
        self.network.captures, self.network.buckets = False, ()
        self.forget()

    def use_plain(self) -> None:
        """From now on, run in plain torch, uncaptured."""
        self.network = FastNetwork(self.model, PlainOperations())
        self.forget()

    def forget(self) -> None:
        """Drop all encoded prompts."""
        self._pasts.clear()

    def past(self, length: int) -> Past:
        """An encoded prompt of `length` random tokens, always the same."""
        if length not in self._pasts:
            self._pasts[length] = self.network.extend(self.prompt(length), None)[1]
        return self._pasts[length]

    def prompt(self, length: int) -> Tensor:
        """Random tokens [1, length]."""
        generator = torch.Generator(self.device).manual_seed(length)
        like = torch.empty(1, length, device=self.device)
        # The first ids are special tokens.
        return uniform_tokens(like, self.network.vocabulary - 8, generator) + 8

    def fill(self, past: Past, opened: int, width: int, steps: int, rows: int = 1) -> Denoised:
        """Denoise `opened` of `width` positions from noise in exactly `steps` steps."""
        generator = torch.Generator(self.device).manual_seed(0)
        tokens = self.prompt(width).expand(rows, -1).contiguous()
        open_ = torch.zeros(tokens.shape, dtype=torch.bool, device=self.device)
        open_[:, :opened] = True
        noise = uniform_tokens(tokens, self.network.vocabulary, generator)
        # Random weights are never sure, but a stable canvas must not end the run either.
        settings = DenoiseSettings(max_steps=steps, stop=StopRule(stable_steps=steps + 1))
        reader = self.network.reader(past.for_batch(rows))
        return denoise(reader, torch.where(open_, noise, tokens), open_, settings, generator)

    def wait(self) -> None:
        """Wait until the device has finished."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def now(self) -> float:
        """The time in seconds, once the device has finished."""
        self.wait()
        return time.perf_counter()
