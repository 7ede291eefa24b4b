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
    """Text to token ids and back, by `tokenizer.json` (`dgls.canvas.types.Codec`)."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        # A source file may contain "<end>"; it must not become the special token.
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer

    @classmethod
    def from_file(cls, path: Path) -> HfCodec:
        """Read a `tokenizer.json`. Raises `CheckpointError` if it is missing or broken."""
        if not path.is_file():
            raise CheckpointError(f"{path} does not exist, so the checkpoint cannot be used.")
        try:
            return cls(Tokenizer.from_file(str(path)))
        # The Rust side raises a bare `Exception` for every kind of broken file.
        except Exception as error:
            raise CheckpointError(f"{path} is not a tokenizer ({error}).") from error

    @property
    def size(self) -> int:
        """The number of ids, including special tokens."""
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    def encode(self, text: str) -> list[int]:
        """The token ids of `text`. It neither adds special tokens nor reads them from the text."""
        return list(self._tokenizer.encode(whole(text), add_special_tokens=False).ids)

    def encode_marked(self, text: str) -> list[int]:
        """The token ids of the template's text, in which special tokens are read."""
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
        """The text of `ids`, without special tokens."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def last_word(self, line: str) -> int:
        """The start of the last word of a line, as the tokenizer splits text before merging."""
        pieces = self._tokenizer.pre_tokenizer.pre_tokenize_str(line)
        return int(pieces[-1][1][0]) if pieces else len(line)

    def token_id(self, token: str) -> int:
        """The id of a special token. Raises `CheckpointError` for an unknown token."""
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise CheckpointError(
                f"The tokenizer has no token {token}, so this layout cannot use it; "
                f"nothing was loaded."
            )
        return int(found)
