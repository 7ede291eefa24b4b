"""Other clients: a wrong field is named, and an unused one ignored."""

from __future__ import annotations

import json

import pytest

from dgls.engine.dialects import DIALECTS, llama_cpp, mistral, openai
from dgls.engine.dialects.dialect import Dialect
from dgls.errors import EngineProtocolError, FieldError
from tests.support.dialects import LLAMA_VIM, RIGHT, request

WRONG = [
    # dialect, field, value
    *((llama_cpp.DIALECT, "input_prefix", value) for value in (None, 3, ["a"])),
    *((llama_cpp.DIALECT, "input_extra", value) for value in ("x", [3], {"text": "a"})),
    *((llama_cpp.DIALECT, "n_predict", value) for value in ("128", 1.5, True)),
    *((llama_cpp.DIALECT, "stop", value) for value in (3, [3])),
    *((llama_cpp.DIALECT, "stream", value) for value in ("yes", 1)),
    *((llama_cpp.DIALECT, "t_max_predict_ms", value) for value in ("soon", [])),
    *((openai.DIALECT, "prompt", value) for value in (None, 3, [], ["a", "b"], [1, 2])),
    *((openai.DIALECT, "suffix", value) for value in (3, ["a"])),
    *((openai.DIALECT, "n", value) for value in (0, 17, -1, "2")),
    *((openai.DIALECT, "stream_options", value) for value in (True, "x")),
    *((mistral.DIALECT, "prompt", value) for value in (None, 3, ["a"])),
    *((mistral.DIALECT, "max_tokens", value) for value in ("56", {})),
]


@pytest.mark.parametrize(("dialect", "field", "value"), WRONG)
def test_a_wrong_type_is_named(dialect: Dialect, field: str, value: object) -> None:
    with pytest.raises(FieldError, match=field) as caught:
        request(dialect, {**RIGHT[dialect], field: value})
    assert caught.value.field == field


def test_a_wrong_field_inside_another_is_named() -> None:
    with pytest.raises(FieldError, match=r"input_extra\[1\]\.text"):
        request(llama_cpp.DIALECT, {**LLAMA_VIM, "input_extra": [{"text": "a"}, {"text": 3}]})


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_unused_fields_are_ignored(dialect: Dialect) -> None:
    odd = {"temperature": "hot", "logit_bias": [[1, 2]], "lora": [{}], "user": 3, "echo": None}
    assert request(dialect, {**RIGHT[dialect], **odd}) == request(dialect, RIGHT[dialect])


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]", b"[" * 100_000, b"3"])
def test_a_body_that_is_not_an_object_is_refused(dialect: Dialect, body: bytes) -> None:
    with pytest.raises(EngineProtocolError):
        dialect.read(body)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_half_a_surrogate_pair_keeps_its_position(dialect: Dialect) -> None:
    name = "prompt"
    asked = dialect.read(json.dumps({**RIGHT[dialect], name: "x = '\ud83d"}).encode())
    assert asked.question.prefix.endswith("x = '?")
