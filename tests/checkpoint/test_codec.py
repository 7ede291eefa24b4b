"""A tokenizer reads any text, including the names of its special tokens."""

from __future__ import annotations

import pytest

from dgls.checkpoint.codec import HfCodec
from dgls.errors import CheckpointError
from tests.support.checkpoints import save_tokenizer


@pytest.fixture(scope="module")
def codec(tmp_path_factory) -> HfCodec:
    return HfCodec.from_file(save_tokenizer(tmp_path_factory.mktemp("codec") / "tokenizer.json"))


@pytest.mark.parametrize(
    "text", ["", "x = 1", "\tif a:\r\n        b", "é → 😀", "s = '<end>'  # <pad><prefix>", "\x00"]
)
def test_text_survives_encoding_and_decoding(codec, text):
    ids = codec.encode(text)
    assert codec.decode(ids) == text
    assert not set(ids) & set(range(8))


def test_half_a_surrogate_pair_does_not_fail(codec):
    assert codec.decode(codec.encode("a\ud83db")) == "a?b"


def test_special_tokens_have_ids_and_no_text(codec):
    assert [codec.token_id(token) for token in ("<pad>", "<end>", "<image>")] == [0, 1, 7]
    assert codec.decode([*codec.encode("ab"), 1, 0, 0]) == "ab"
    with pytest.raises(CheckpointError, match="<mask>"):
        codec.token_id("<mask>")
