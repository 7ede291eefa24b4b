"""A canvas in the form of vLLM's completions API, and its answer.

`vllm_xargs` are those of vLLM 0.31 to 0.33; the names are vLLM's. Sampling parameters are left at
their defaults, because vLLM refuses others for a diffusion model. Prompts are sent as token ids, so
that the server's tokenizer and chat template have no influence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dgls.errors import RemoteError

COMPLETIONS = "/v1/completions"
TOKENIZE = "/tokenize"

_TOKEN = "token_id:"


@dataclass(frozen=True, slots=True)
class CanvasRead:
    """One canvas to denoise and read: nothing of it is committed, and the request ends with it.

    `seed` [canvas] are the initial tokens; the positions `pinned` keep them. `steps` limits the
    denoise steps; None leaves that to the server. `wanted` are the tokens whose log-probability is
    requested at every position, besides that of the best one.
    """

    prompt: tuple[int, ...]
    seed: tuple[int, ...]
    pinned: tuple[int, ...] = ()
    steps: int | None = None
    wanted: tuple[int, ...] = ()

    def body(self, model: str) -> dict[str, Any]:
        """The JSON body of the request."""
        arguments: dict[str, Any] = {
            "diffusion_seed_canvas": list(self.seed),
            "diffusion_canvas_length": len(self.seed),
            "diffusion_read_only": 1,
        }
        if self.pinned:
            arguments["diffusion_pinned"] = list(self.pinned)
        if self.steps is not None:
            arguments["diffusion_max_steps"] = self.steps
        fields: dict[str, Any] = {
            "model": model,
            "prompt": list(self.prompt),
            "max_tokens": len(self.seed),
            "logprobs": 1,
            "return_token_ids": True,
            "return_tokens_as_token_ids": True,
            "vllm_xargs": arguments,
        }
        if self.wanted:
            fields["logprob_token_ids"] = list(self.wanted)
        return fields


@dataclass(frozen=True, slots=True)
class CanvasReply:
    """The canvas from vLLM: the likeliest token of every position, including pinned ones.

    `log_probs` [canvas] are their log-probabilities in nats at temperature 1, from the last step;
    `asked[position]` those of the requested tokens. `cached` prompt tokens were not encoded again,
    as far as the server tells.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    asked: tuple[dict[int, float], ...]
    cached: int = 0


def canvas_reply(fields: Any, width: int) -> CanvasReply:
    """The answer to a `CanvasRead` of that width. Raises `RemoteError` for anything else."""
    try:
        (choice,) = fields["choices"]
        log_probs = choice["logprobs"]
        reply = CanvasReply(
            tokens=tuple(map(int, choice["token_ids"])),
            log_probs=tuple(map(float, log_probs["token_logprobs"])),
            asked=tuple(map(_by_token, log_probs["top_logprobs"])),
            cached=_cached(fields.get("usage")),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        # Without the cause, whose message may quote the answer.
        raise RemoteError(
            "The server's answer is not a denoised canvas; nothing was filled. "
            "Does it run vLLM 0.31 or newer with a DiffusionGemma?"
        ) from None
    if not len(reply.tokens) == len(reply.log_probs) == len(reply.asked) == width:
        raise RemoteError(
            f"The server answered {len(reply.tokens)} tokens for a canvas of {width}; nothing was "
            f"filled. Is its context long enough (--max-model-len)?"
        )
    return reply


def _by_token(entries: dict[str, float]) -> dict[int, float]:
    return {int(name.removeprefix(_TOKEN)): float(value) for name, value in entries.items()}


def _cached(usage: Any) -> int:
    details = (usage or {}).get("prompt_tokens_details") or {}
    return int(details.get("cached_tokens") or 0)
