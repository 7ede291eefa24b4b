"""Another server's fills of the same tasks: any server with llama.cpp's `/infill`.

It gets the same requests as from an editor's plugin: the text around the gap that dgls would send,
always the likeliest token, and for a gap of one line a stop at the line's end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx

from dgls.errors import InputError, RemoteError
from dgls.lab.evaluation.cases import Case
from dgls.lab.evaluation.model_systems import request_of
from dgls.lab.evaluation.systems import Answer
from dgls.protocol import Gap
from dgls.syntax.cursor import Budget

INFILL = "infill"
"""The server's own order of the prompt, by `/infill`."""

SUFFIX_FIRST = "infill-suffix-first"
"""The suffix before the prefix, with the special tokens of Qwen2.5-Coder, by `/completion`.

No plugin does this. It shows what the same server and file give in the order that dgls prefers.
"""

INFILL_SYSTEMS = (INFILL, SUFFIX_FIRST)

_LINE_TOKENS = 128
_BODY_TOKENS = 256
_TIMEOUT_S = 120.0
_CONNECT_S = 5.0
_QUOTED = 200
_LOOPBACKS = frozenset({"127.0.0.1", "::1", "localhost"})

Body = Mapping[str, Any]


@dataclass(frozen=True)
class InfillSystem:
    """Fills by the server at `url`, with at most `budget` of the text around the gap.

    Several gaps are filled one after the other, each with the earlier texts in its prefix. Raises
    `RemoteError` if the server is down or its answer is not an infill.
    """

    name: str
    url: str
    budget: Budget
    threshold: float | None = None

    @cached_property
    def settings(self) -> str:
        """The server's address and model, and the request's form."""
        return f"{self.url} {self._model} {self.budget} {_LINE_TOKENS} {_BODY_TOKENS}"

    def fill(self, case: Case) -> Answer:
        """One text for each gap. The caller times it, because a user waits for all of it."""
        texts: list[str] = []
        written = passes = 0
        parts = request_of(case, self.budget, seed=0).parts
        for gap, (prefix, suffix) in zip(case.gaps, _surroundings(parts, texts), strict=True):
            reply = self._post(*self._question(gap, prefix, suffix))
            texts.append(_trimmed(_content(reply, self.url), gap))
            tokens, drafted = _count(reply, "tokens_predicted"), _accepted(reply)
            written += tokens
            passes += max(0, tokens - drafted)
        return Answer(tuple(texts), written=written, passes=passes, proposal=self.name)

    def _question(self, gap: Gap, prefix: str, suffix: str) -> tuple[str, Body]:
        one_line = gap.max_lines == 1
        asked = {
            "n_predict": _LINE_TOKENS if one_line else _BODY_TOKENS,
            "stop": ["\n"] if one_line else [],
            "temperature": 0,
            "top_k": 1,
            "cache_prompt": True,
            "stream": False,
        }
        if self.name == INFILL:
            return "/infill", {"input_prefix": prefix, "input_suffix": suffix, **asked}
        prompt = f"<|fim_prefix|><|fim_suffix|>{suffix}<|fim_middle|>{prefix}"
        return "/completion", {"prompt": prompt, **asked}

    @cached_property
    def _model(self) -> str:
        """The server's model, after a first infill that shows that it works."""
        reply = self._post(*self._question(Gap(max_lines=1), "a = ", "\n"))
        _content(reply, self.url)
        return f"{reply.get('model', '')} {reply.get('timings', {}).get('n_ctx', '')}".strip()

    @cached_property
    def _client(self) -> httpx.Client:
        # A server on this machine is never behind a proxy.
        trust = httpx.URL(self.url).host not in _LOOPBACKS
        timeout = httpx.Timeout(_TIMEOUT_S, connect=_CONNECT_S)
        return httpx.Client(base_url=self.url, timeout=timeout, trust_env=trust)

    def _post(self, path: str, body: Body) -> dict[str, Any]:
        try:
            response = self._client.post(path, json=body)
        except httpx.TimeoutException as error:
            raise RemoteError(
                f"The server at {self.url} did not answer within {_TIMEOUT_S:.0f} s; the answers "
                f"so far are kept where --out was given. See whether it is busy."
            ) from error
        except httpx.HTTPError as error:
            raise RemoteError(
                f"The server at {self.url} cannot be reached ({error}); nothing more was "
                f"measured. Start it, or give its address with --system {self.name}=URL."
            ) from error
        if response.status_code == httpx.codes.NOT_FOUND:
            raise RemoteError(
                f"The server at {self.url} has no {path}; nothing was measured. Give the address "
                f"of a llama.cpp server whose model can fill in the middle."
            )
        if response.status_code != httpx.codes.OK:
            raise RemoteError(
                f"The server at {self.url} refused {path} with {response.status_code} "
                f"({response.text[:_QUOTED]!r}); nothing more was measured."
            )
        return _object(response, self.url)


def infill_system(name: str, budget: Budget) -> InfillSystem:
    """The system with a name such as `infill=http://127.0.0.1:8080`, tried once.

    Raises `InputError` for an invalid address, `RemoteError` if no such server answers.
    """
    kind, _, url = name.partition("=")
    try:
        address = httpx.URL(url.rstrip("/"))
    except httpx.InvalidURL:
        address = httpx.URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise InputError(
            f"{url!r} is not the address of a server; nothing was measured. "
            f"Give --system {kind}=http://HOST:PORT."
        )
    system = InfillSystem(kind, str(address), budget)
    # Ask now, so that a missing server is noticed before anything is measured.
    assert system.settings
    return system


def _surroundings(parts: Sequence[str], texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The text before and after each gap, with the `texts` filled so far."""
    for index in range(len(parts) - 1):
        before = [parts[0]]
        for text, part in zip(texts, parts[1 : index + 1], strict=True):
            before += [text, part]
        yield "".join(before), "".join(parts[index + 1 :])


def _trimmed(text: str, gap: Gap) -> str:
    """The lines that a gap may have, cut as by a client."""
    return "\n".join(text.split("\n")[: gap.max_lines])


def _object(response: httpx.Response, url: str) -> dict[str, Any]:
    try:
        value = response.json()
    except ValueError:
        value = None
    if not isinstance(value, dict):
        said = response.text[:_QUOTED]
        raise RemoteError(
            f"The server at {url} answered something that is not JSON ({said!r}); nothing more "
            f"was measured. See whether a llama.cpp server listens there, and not a proxy."
        )
    return value


def _content(reply: Mapping[str, Any], url: str) -> str:
    text = reply.get("content")
    if not isinstance(text, str):
        raise RemoteError(
            f"The server at {url} gave no 'content' in its reply; nothing more was measured. "
            f"Give the address of a llama.cpp server."
        )
    return text


def _count(reply: Mapping[str, Any], name: str) -> int:
    value = reply.get(name)
    return value if isinstance(value, int) else 0


def _accepted(reply: Mapping[str, Any]) -> int:
    """Accepted tokens of a draft model, which cost no passes of their own."""
    timings = reply.get("timings")
    return _count(timings, "draft_n_accepted") if isinstance(timings, dict) else 0
