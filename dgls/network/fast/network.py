"""The network of the published family: captured denoise steps on CUDA, plain torch elsewhere.

Tested equal to the library's class. On CUDA the host launches one graph per step instead of
thousands of operations, a step reads each expert's weights once, and logits exist only at open
positions and in one precision.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dgls.network.architecture import TextDiffusionGemma
from dgls.network.fast.body import Body, read_canvas, turns_of
from dgls.network.fast.causal import encode
from dgls.network.fast.operations import Operations, Picked, Shape
from dgls.network.fast.plain import PlainOperations, capped
from dgls.network.fast.prefix import PrefixBuffers
from dgls.network.fast.reader import BUCKETS, CanvasReader, CapturedSteps
from dgls.network.fast.step import Step, soft_embeddings
from dgls.network.past import Past

_CHUNK = 2048
"""At most this many tokens of a prompt are encoded at once: more need memory and save no time."""

_MIN_ROOM = 4096
_CANVAS_ROOM = 512
"""Positions reserved for canvases after the longest prefix."""


class FastNetwork:
    """`dgls.network.interface.Network`, and a reader for whole denoise steps.

    By default `operations` are Triton's on CUDA and plain torch elsewhere. Steps are captured on
    CUDA only. A canvas is padded to the smallest of `buckets` that holds it (by default 16 to 256
    tokens if steps are captured), else not padded. The model keeps views of the weights and stays
    usable.
    """

    def __init__(
        self,
        model: TextDiffusionGemma,
        operations: Operations | None = None,
        buckets: Sequence[int] | None = None,
    ) -> None:
        config: Any = model.config.get_text_config()
        self.body = Body.of(model)
        self.vocabulary = int(config.vocab_size)
        self.device: torch.device = self.body.table.device
        self.dtype: torch.dtype = self.body.table.dtype
        self.operations = operations or _operations(self.device)
        # Operations that sync with the host in the middle of a step cannot be captured.
        plain = isinstance(self.operations, PlainOperations)
        self.captures = self.device.type == "cuda" and not plain
        self.buckets = tuple(buckets or (BUCKETS if self.captures else ()))
        self._model = model
        self._most = int(config.max_position_embeddings)
        if self.device.type == "cuda":
            # Joining matrices left freed blocks that are too small for reuse.
            torch.cuda.empty_cache()
        self._make_room(min(self._most, _MIN_ROOM))

    @torch.inference_mode()
    def extend(self, tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        """Encode `tokens` [batch, new] causally after `past`."""
        self.room_for((past.length if past else 0) + tokens.shape[1])
        states = []
        for chunk in torch.split(tokens, _CHUNK, dim=1):
            one, past = encode(self.operations, self.body, self._turns, chunk, past)
            states.append(one)
        assert past is not None
        return torch.cat(states, dim=1), past

    @torch.inference_mode()
    def canvas(self, tokens: Tensor, past: Past, conditioning: Tensor | None) -> Tensor:
        """Read `tokens` [batch, canvas]: fp32 logits [batch, canvas, vocab]."""
        if past.keys[0].shape[0] > 1 and past.keys[0].stride(0) != 0:
            rows = [self._row(tokens, past, conditioning, row) for row in range(len(tokens))]
            return torch.cat(rows)
        shape = Shape(*tokens.shape)
        self.room_for(past.length)
        self._prefix.hold(past, shape.canvas)
        step = self.step()
        states = read_canvas(
            self.operations, self.body, tokens.flatten(), self._soft(tokens, conditioning),
            step.prefix, step.lengths, self._turns, shape,
        )  # fmt: skip
        return self.unembed(states).view(*tokens.shape, -1)

    @torch.inference_mode()
    def unembed(self, states: Tensor) -> Tensor:
        """States [..., hidden] to fp32 logits [..., vocab]."""
        return capped(torch.nn.functional.linear(states, self.body.table), self.body.cap)

    def reader(self, past: Past) -> CanvasReader:
        """The reader of canvases after a past; only one at a time, because buffers are shared."""
        self.room_for(past.length)
        return CanvasReader(self, past)

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Read one canvas of each size, the largest first, whose buffers the others share.

        Afterwards all kernels are compiled, and a step of each size is captured.
        """
        past = self.extend(torch.zeros(1, 2, dtype=torch.int64, device=self.device), None)[1]
        generator = torch.Generator(self.device)
        for width in sorted(self.buckets, reverse=True) or [1]:
            tokens = torch.zeros(1, width, dtype=torch.int64, device=self.device)
            everywhere = torch.ones_like(tokens, dtype=torch.bool)
            self.reader(past).read(tokens, everywhere, None, 1.0, generator)

    def step(self) -> Step:
        """A step over the current buffers."""
        reach = [self._prefix.reach(index) for index in range(len(self.body.layers))]
        lengths = self._prefix.lengths
        return Step(self.operations, self.body, self._turns, reach, lengths)

    @property
    def prefix(self) -> PrefixBuffers:
        """The buffers from which steps read the prefix."""
        return self._prefix

    def _row(self, tokens: Tensor, past: Past, conditioning: Tensor | None, row: int) -> Tensor:
        one = slice(row, row + 1)
        alone = Past(
            tuple(keys[one] for keys in past.keys),
            tuple(values[one] for values in past.values),
            past.length,
        )
        given = None if conditioning is None else conditioning[one]
        return self.canvas(tokens[one], alone, given)

    def _soft(self, tokens: Tensor, conditioning: Tensor | None) -> Tensor:
        if conditioning is None:
            return self.body.table.new_zeros(tokens.numel(), self.body.table.shape[1])
        likely = conditioning.flatten(0, 1).softmax(dim=-1, dtype=torch.float32).to(self.dtype)
        none = likely.new_empty(0)
        return soft_embeddings(self.body, Picked(none, none, none, none, likely))

    def room_for(self, length: int) -> None:
        """Make sure that a prefix of that length fits; if not, allocate buffers twice the size."""
        if length > self._prefix.room:
            self._make_room(min(self._most, max(length, 2 * self._prefix.room)))

    def _make_room(self, room: int) -> None:
        self._turns = turns_of(self._model, room + _CANVAS_ROOM)
        self._prefix = PrefixBuffers(self.body.layers, room, self.body.window, self.body.table)
        self.captured = CapturedSteps(self)


def can_run_fast(model: TextDiffusionGemma) -> bool:
    """Whether `FastNetwork` runs this model.

    It needs no biases, the published activation, and a power of two both as dimensions of a head
    and as experts per token.
    """
    config: Any = model.config.get_text_config()
    powers = {layer.self_attn.head_dim for layer in model.model.decoder.layers}
    powers.add(config.top_k_experts)
    return bool(
        config.hidden_activation == "gelu_pytorch_tanh"
        and not config.attention_bias
        and config.use_bidirectional_attention in (None, "vision")
        and all(number & (number - 1) == 0 for number in powers)
    )


def _operations(device: torch.device) -> Operations:
    if device.type != "cuda" or importlib.util.find_spec("triton") is None:
        return PlainOperations()
    from dgls.network.fast.triton_operations import TritonOperations

    return TritonOperations()
