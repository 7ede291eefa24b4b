"""The bytes of each token of a byte-level tokenizer, with a quick search by prefix."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from functools import cached_property

import torch
from tokenizers import Tokenizer
from torch import Tensor


class TokenTable:
    """The tokens of one tokenizer. `size` is the model's vocabulary, which may be larger."""

    def __init__(self, tokenizer: Tokenizer, size: int) -> None:
        special = {index for index, each in tokenizer.get_added_tokens_decoder().items()}
        decoded = _bytes_of_characters()
        self._bytes: list[bytes] = [b""] * size
        for token, index in tokenizer.get_vocab(with_added_tokens=True).items():
            if index < size and index not in special:
                self._bytes[index] = bytes(decoded[character] for character in token)
        self._special = frozenset(index for index in special if index < size)

    def text_of(self, token: int) -> bytes:
        """The token's bytes; empty for a special token."""
        return self._bytes[token]

    def join(self, tokens: Iterable[int]) -> bytes:
        """The bytes of the tokens joined."""
        return b"".join(self._bytes[token] for token in tokens)

    def shown(self, tokens: Iterable[int]) -> tuple[str, ...]:
        """The text of each token, with U+FFFD for a part of a character."""
        return tuple(self._bytes[token].decode("utf-8", "replace") for token in tokens)

    @cached_property
    def breaks(self) -> frozenset[int]:
        """The tokens that hold a line break."""
        return frozenset(index for index, text in enumerate(self._bytes) if b"\n" in text)

    @cached_property
    def breaking(self) -> Tensor:
        """The ids of tokens whose first non-blank character is a line break."""
        found = [
            index
            for index in sorted(self.breaks)
            if self._bytes[index].lstrip(b" \t\r")[:1] == b"\n"
        ]
        return torch.tensor(found)

    def beginning(self, wanted: bytes) -> list[int]:
        """The tokens by which a text that begins with `wanted` can begin.

        Each is `wanted` with or without more bytes, or a beginning of `wanted`.
        """
        return [*self.starting(wanted), *self.parts(wanted)]

    def starting(self, wanted: bytes) -> list[int]:
        """The tokens whose bytes start with `wanted`."""
        order, texts = self._sorted
        first = bisect_left(texts, wanted)
        # Texts that start with `wanted` sort before `wanted` with its end raised.
        last = bisect_left(texts, wanted + b"\xff" * 4)
        return order[first:last]

    def parts(self, wanted: bytes) -> list[int]:
        """The tokens whose bytes are a beginning of `wanted`, shortest first."""
        by_text = self._by_text
        prefixes = (wanted[:length] for length in range(1, len(wanted)))
        return [by_text[prefix] for prefix in prefixes if prefix in by_text]

    @cached_property
    def _sorted(self) -> tuple[list[int], list[bytes]]:
        order = sorted(
            (i for i, text in enumerate(self._bytes) if text), key=self._bytes.__getitem__
        )
        return order, [self._bytes[index] for index in order]

    @cached_property
    def _by_text(self) -> dict[bytes, int]:
        return {text: index for index, text in enumerate(self._bytes) if text}


def _bytes_of_characters() -> dict[str, int]:
    """The byte that each character of a byte-level vocabulary encodes.

    Printable bytes are written as themselves, the others as the characters from U+0100 on, in order
    (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners").
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    found = {chr(byte): byte for byte in printable}
    return found | {chr(0x100 + index): byte for index, byte in enumerate(others)}
