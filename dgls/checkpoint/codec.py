"""A tokenizer file as the codec that a layout needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from dgls.errors import CheckpointError
from dgls.text.encodings import whole


class HfCodec:
    """Text to token ids and back, as `tokenizer.json` says (`dgls.canvas.types.Codec`)."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        # A source file may well contain "<end>"; it must not become the token of that name.
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer

    @classmethod
    def from_file(cls, path: Path) -> HfCodec:
        """Read a `tokenizer.json`. Raises `CheckpointError` where it is missing or broken."""
        if not path.is_file():
            raise CheckpointError(f"{path} does not exist, so the checkpoint cannot be used.")
        try:
            return cls(Tokenizer.from_file(str(path)))
        # The Rust side raises bare `Exception` for every kind of broken file.
        except Exception as error:
            raise CheckpointError(f"{path} is not a tokenizer ({error}).") from error

    @property
    def size(self) -> int:
        """How many ids there are, special tokens included."""
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    def encode(self, text: str) -> list[int]:
        """The token ids of `text`; adds no special tokens, and reads none out of the text."""
        return list(self._tokenizer.encode(whole(text), add_special_tokens=False).ids)

    def encode_marked(self, text: str) -> list[int]:
        """The token ids of a text of the model's own, in which special tokens are read."""
        names = set(self._special)
        pattern = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
        pieces = re.split(f"({pattern})", text) if names else [text]
        ids: list[int] = []
        for piece in pieces:
            ids += [self.token_id(piece)] if piece in names else self.encode(piece)
        return ids

    @cached_property
    def _special(self) -> list[str]:
        return [token.content for token in self._tokenizer.get_added_tokens_decoder().values()]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, special tokens left out."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def last_word(self, line: str) -> int:
        """Where the last word of a line begins, as the tokenizer splits text before merging."""
        pieces = self._tokenizer.pre_tokenizer.pre_tokenize_str(line)
        return int(pieces[-1][1][0]) if pieces else len(line)

    def token_id(self, token: str) -> int:
        """The id of a special token. Raises `CheckpointError` where there is none of that name."""
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise CheckpointError(
                f"The tokenizer has no token {token}, so this layout cannot use it; "
                f"nothing was loaded."
            )
        return int(found)
