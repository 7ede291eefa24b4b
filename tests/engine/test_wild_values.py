"""Numbers and texts that no client should send are the client's error, never the engine's."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

HUGE: list[object] = [10**400, -(10**400), 2**64, 2**200]


FIELDS = [
    ("/v1/fill", "seed", HUGE),
    ("/v1/fill", "version", HUGE),
    ("/v1/fill", "deadline_ms", [*HUGE, float("inf"), float("nan")]),
    ("/v1/fill", "candidates", HUGE),
    ("/v1/fill", "strength", [*HUGE, float("inf"), float("nan")]),
    ("/v1/fill", "max_lines", HUGE),
    ("/infill", "n_predict", [*HUGE, 1e300, float("inf")]),
    ("/infill", "seed", HUGE),
    ("/infill", "t_max_predict_ms", [*HUGE, 1e300, float("nan")]),
    ("/infill", "n_indent", HUGE),
    ("/v1/completions", "max_tokens", HUGE),
    ("/v1/completions", "n", HUGE),
    ("/v1/completions", "seed", HUGE),
    ("/v1/fim/completions", "max_tokens", HUGE),
    ("/v1/fim/completions", "random_seed", HUGE),
]


@pytest.mark.parametrize(("path", "name", "values"), FIELDS, ids=lambda value: str(value)[:20])
async def test_a_number_out_of_bounds_is_the_clients_error(
    http: httpx.AsyncClient, path: str, name: str, values: list[object]
) -> None:
    limits = dict.fromkeys(("deadline_ms", "candidates"), "limits")
    gaps = dict.fromkeys(("strength", "max_lines"), "gaps")
    inner = {**limits, **gaps}
    for value in values:
        body: dict[str, Any] = {"parts": ["x = ", ""]} if path == "/v1/fill" else {"prompt": "x = "}
        if path == "/infill":
            body |= {"input_prefix": "x = ", "input_suffix": ""}
        where = inner.get(name)
        body |= {where: [{name: value}] if where == "gaps" else {name: value}} if where else {}
        body |= {} if where else {name: value}
        answer = await http.post(path, content=json.dumps(body))
        # Mistral's API says 422 where others say 400.
        expected = 422 if path == "/v1/fim/completions" else 400
        assert answer.status_code == expected, (name, value, answer.text)
        assert name in answer.text


ODD: list[object] = [10**400, -1, 0, 2**63, 1e308, float("nan"), True, "9" * 5000, [], {}, None]


ODD += ["\ud800", "\x00"]


ANYWHERE = {
    "/v1/fill": "seed version parts gaps limits path language snippets client trigger around lead",
    "/infill": "n_predict seed t_max_predict_ms t_max_prompt_ms n_indent temperature top_k top_p "
    "min_p n_probs n_keep n_cache_reuse id_slot cache_prompt stream stop input_extra prompt n",
    "/completion": "n_predict seed temperature top_k stream stop n_probs id_slot cache_prompt",
    "/v1/completions": "max_tokens n seed best_of temperature top_p logprobs echo stop stream "
    "suffix presence_penalty logit_bias stream_options model user",
    "/v1/fim/completions": "max_tokens random_seed min_tokens temperature top_p stop stream suffix",
}


@pytest.mark.parametrize("path", ANYWHERE)
async def test_no_field_value_causes_an_engine_error(http: httpx.AsyncClient, path: str) -> None:
    """Those that dgls reads and those that it does not."""
    good: dict[str, Any] = {"parts": ["x = ", ""]} if path == "/v1/fill" else {"prompt": "x = "}
    if path == "/infill":
        good |= {"input_prefix": "x = ", "input_suffix": ""}
    faults = []
    for name in ANYWHERE[path].split():
        for value in ODD:
            for body in (
                {**good, name: value},
                {**good, name: [value]},
                {**good, name: {"a": value}},
                {**good, f"{name}\ud800": value},
                {**good, name: {"\ud800": value}},
            ):
                answer = await http.post(path, content=json.dumps(body))
                if answer.status_code >= 500:
                    faults.append((name, str(value)[:20], answer.status_code, answer.text[:200]))
    assert faults == []


async def test_half_a_character_causes_no_engine_error(http: httpx.AsyncClient) -> None:
    """JSON can hold half of a surrogate pair, which the parser of the language cannot."""
    half = "x\ud800"
    good = {"parts": ["x = ", "\n"], "language": "python", "gaps": [{"text": ""}]}
    for odd in (
        {"parts": [half, half]},
        {"gaps": [{"text": half}]},
        {"around": [half, half]},
        {"path": half},
        {"language": half},
        {"snippets": [{"path": half, "text": half}]},
        {"instruction": half, "gaps": [{"text": half}]},
    ):
        answer = await http.post("/v1/fill", content=json.dumps({**good, **odd}))
        assert answer.status_code < 500, (odd, answer.text)
