"""A readable tokenizer for tests."""

from __future__ import annotations

from collections.abc import Sequence


class CharCodec:
    """One token for each character, after the `special` ones, so that a test can count them."""

    def __init__(self, special: Sequence[str]) -> None:
        self.special = special

    def encode(self, text: str) -> list[int]:
        return [ord(char) + len(self.special) for char in text]

    def decode(self, ids: Sequence[int]) -> str:
        first = len(self.special)
        return "".join(chr(token - first) for token in ids if token >= first)

    def token_id(self, token: str) -> int:
        return self.special.index(token)

    def show(self, ids: Sequence[int]) -> str:
        """The text of `ids` with the special tokens by their names."""
        first = len(self.special)
        return "".join(self.special[i] if i < first else chr(i - first) for i in ids)
