"""The bytes of tokens, and which tokens a text can begin with."""

from __future__ import annotations

import pytest

from dgls.canvas.fim import ENDS_OF_MIDDLE
from dgls.checkpoint.codec import HfCodec
from dgls.inference.token_table import TokenTable
from tests.support.qwen2 import TOKENS, VOCABULARY, tiny_tokenizer

TEXTS = (
    "",
    "def total(items):\n    result = 0\n",
    "a\r\nb\r\n\r\n\tc\r",
    "\t\tx\t= 1\n\n\n    \n",
    "naïve = 'λ' + \"日本語\"  # 😀 👩\u200d💻 \U0001d54f",
    "\x00\x7f\u00a0\u2028\ufeff",
    "it's we'LL 12345 __init__ <<= 'x'*3",
    "<|fim_prefix|> and <|endoftext|> are text here",
)


@pytest.fixture(scope="module")
def codec() -> HfCodec:
    return HfCodec(tiny_tokenizer())


@pytest.fixture(scope="module")
def table() -> TokenTable:
    return TokenTable(tiny_tokenizer(), VOCABULARY)


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_decode_to_their_text(codec: HfCodec, table: TokenTable, text: str) -> None:
    tokens = codec.encode(text)
    assert codec.decode(tokens) == text
    assert table.join(tokens) == text.encode()
    marks = {codec.token_id(mark) for mark in ENDS_OF_MIDDLE}
    assert not marks & set(tokens)


def test_special_and_missing_tokens_have_no_text(codec: HfCodec, table: TokenTable) -> None:
    silent = [index for index in range(VOCABULARY) if not table.text_of(index)]
    assert set(silent) == {codec.token_id(m) for m in ENDS_OF_MIDDLE} | {*range(TOKENS, VOCABULARY)}


@pytest.mark.parametrize(
    "wanted", [b"r", b"re", b"    re", b"\n", b" ", b"zq", b"\xf0\x9f", b"\xff"]
)
def test_the_tokens_that_may_begin_a_text_are_found(table: TokenTable, wanted: bytes) -> None:
    said = {index: table.text_of(index) for index in range(VOCABULARY)}
    starting = {index for index, text in said.items() if text.startswith(wanted)}
    parts = {i for i, text in said.items() if text and wanted.startswith(text) and text != wanted}
    assert set(table.starting(wanted)) == starting
    assert set(table.parts(wanted)) == parts
    assert sorted(table.beginning(wanted)) == sorted(starting | parts)
    assert table.beginning(wanted), "every byte is a token"


def test_line_breaks_are_known(table: TokenTable) -> None:
    said = {index: table.text_of(index) for index in range(VOCABULARY)}
    assert table.breaks == {index for index, text in said.items() if b"\n" in text}
    assert set(table.breaking.tolist()) == {
        index for index, text in said.items() if text.lstrip(b" \t\r").startswith(b"\n")
    }
