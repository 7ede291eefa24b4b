"""The wire types: JSON in both directions, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgls import errors
from dgls.errors import EngineError, EngineProtocolError
from dgls.protocol import (
    WRITTEN,
    Draft,
    EngineState,
    Fill,
    FillReply,
    FillRequest,
    Gap,
    Health,
    Limits,
    Snippet,
    Timings,
    Trigger,
)
from dgls.protocol_json import (
    draft_from_json,
    error_from_json,
    error_to_json,
    health_from_json,
    reply_from_json,
    request_from_json,
    to_json,
)

text = st.text()
numbers = st.floats(allow_nan=False)
# Requested numbers fit into 64 bits.
whole = st.integers(1 - 2**63, 2**63 - 1)
finite = st.floats(allow_nan=False, allow_infinity=False)
gaps = st.builds(Gap, text, finite, whole)


@st.composite
def requests(draw: st.DrawFn) -> FillRequest:
    holes = tuple(draw(st.lists(gaps, max_size=3)))
    parts = tuple(draw(text) for _ in range(len(holes) + 1))
    return FillRequest(
        parts,
        holes,
        path=draw(text),
        version=draw(whole),
        trigger=draw(st.sampled_from(Trigger)),
        snippets=tuple(draw(st.lists(st.builds(Snippet, text, text), max_size=2))),
        limits=Limits(draw(st.none() | finite), draw(whole)),
    )


@given(requests())
def test_a_request_survives_json(request: FillRequest) -> None:
    assert request_from_json(to_json(request)) == request


@given(st.lists(text), numbers, st.booleans())
def test_a_reply_and_a_draft_survive_json(texts: list[str], score: float, flag: bool) -> None:
    fill = Fill(tuple(texts), score, 0.5, "draft")
    timings = Timings(queue_ms=score)
    reply = FillReply((fill, fill), "m", flag, 3, 4, 5, 6, 7, timings)
    assert reply_from_json(to_json(reply)) == reply
    draft = Draft(1, tuple(texts), tuple(texts), (flag,), WRITTEN)
    assert draft_from_json(to_json(draft)) == draft


def test_health_survives_json() -> None:
    for state in EngineState:
        health = Health(state, 12.5, "why", "ModelError", "m", "1", 7)
        assert health_from_json(to_json(health)) == health


def test_every_error_survives_json_as_its_class() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert len(kinds) > 10
    for kind in kinds:
        error = error_from_json(error_to_json(kind("What. Why.")))
        assert (type(error), str(error)) == (kind, "What. Why.")
    assert type(error_from_json('{"error": {"kind": "Newer", "message": "m"}}')) is EngineError


@pytest.mark.parametrize("data", ["", "[", "[]", "3", "null", "[" * 100_000, b"\xff", b"\x00"])
@pytest.mark.parametrize(
    "parse",
    [request_from_json, reply_from_json, draft_from_json, health_from_json, error_from_json],
)
def test_a_value_that_is_not_an_object_is_refused(
    parse: Callable[[str | bytes], object], data: str | bytes
) -> None:
    with pytest.raises(EngineProtocolError):
        parse(data)


@pytest.mark.parametrize(
    "fields",
    [
        "{}",
        '{"parts": "ab"}',
        '{"parts": ["a"]}',
        '{"parts": ["a", null]}',
        '{"parts": ["a", "b"], "gaps": 3}',
        '{"parts": ["a", "b"], "gaps": ["x"]}',
        '{"parts": ["a", "b"], "gaps": [{"max_lines": "1"}]}',
        '{"parts": ["a", "b"], "gaps": [{"max_lines": true}]}',
        '{"parts": ["a", "b"], "gaps": [{"max_lines": 1.5}]}',
        '{"parts": ["a", "b"], "limits": {"deadline_ms": "soon"}}',
        '{"parts": ["a", "b"], "trigger": "maybe"}',
        '{"parts": ["a", "b"], "trigger": {}}',
        '{"parts": ["a", "b"], "path": 3}',
        '{"parts": ["a", "b"], "unknown": 3}',
    ],
)
def test_a_request_with_odd_fields_is_refused(fields: str) -> None:
    with pytest.raises(EngineProtocolError):
        request_from_json(fields)


NUMBERS = {
    FillRequest: '{{"parts":["a","b"],"{name}":{value}}}',
    Limits: '{{"parts":["a","b"],"limits":{{"{name}":{value}}}}}',
    Gap: '{{"parts":["a","b"],"gaps":[{{"{name}":{value}}}]}}',
}
WILD = [
    "1e400",
    "-1e400",
    "NaN",
    "-Infinity",
    "true",
    '"8"',
    '""',
    "[]",
    "{}",
    str(2**63),
    "9" * 400,
]


@pytest.mark.parametrize("value", WILD, ids=lambda value: value[:20])
def test_a_number_of_a_request_must_be_a_number(value: str) -> None:
    seen = set()
    for kind, body in NUMBERS.items():
        for declared in dataclasses.fields(kind):  # type: ignore[arg-type]
            if str(declared.type).split(" | ")[0] in {"int", "float"}:
                seen.add(declared.name)
                with pytest.raises(EngineProtocolError, match=declared.name):
                    request_from_json(body.format(name=declared.name, value=value))
    assert {"version", "seed", "deadline_ms", "candidates", "prefix_chars", "max_lines"} <= seen


def test_a_reply_lists_its_candidates_even_if_empty() -> None:
    assert reply_from_json('{"candidates": [], "model": "m"}') == FillReply((), "m")
    with pytest.raises(EngineProtocolError, match="no candidates"):
        reply_from_json('{"model": "m"}')


@pytest.mark.parametrize(
    ("mark", "parse"),
    [
        ('"parts"', request_from_json),
        ('"candidates"', reply_from_json),
        ('"step"', draft_from_json),
        ('"state"', health_from_json),
        ('"error"', error_from_json),
    ],
)
def test_the_examples_of_the_page_are_accepted(
    mark: str, parse: Callable[[str | bytes], object]
) -> None:
    page = Path(__file__).parent.parent / "docs" / "protocol.md"
    blocks = re.findall(r"```json\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    examples = [block for block in blocks if mark in block.partition(":")[0]]
    assert len(examples) == 1
    example = parse(examples[0])
    if isinstance(example, FillRequest | FillReply | Draft | Health):
        # The page leaves nothing out.
        assert json.loads(to_json(example)) == json.loads(examples[0])


@pytest.mark.parametrize(
    "fields",
    [
        {"parts": ["", ""], "instruction": "add types"},
        {"parts": ["", ""], "gaps": [{"text": " \n"}], "instruction": "add types"},
        {"parts": ["", "", ""], "gaps": [{"text": "a"}, {"text": "b"}], "instruction": "x"},
        {"parts": ["", ""], "gaps": [{"text": "a"}], "instruction": 3},
    ],
)
def test_an_instruction_needs_its_code(fields: dict[str, object]) -> None:
    with pytest.raises(EngineProtocolError, match="instruction"):
        request_from_json(json.dumps(fields))
