"""Trains the embedded model's tokenizer: byte-level BPE made for source code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from dgls.canvas.infill import SPECIAL_TOKENS
from dgls.lab.training.documents import Documents

# A newline includes the indentation that follows, a word its leading space, each digit is separate,
# and underscores begin a new piece, so that snake_case shares its words.
_PIECES = Regex(
    r"(?:\r?\n)+[ \t]*| ?\p{L}+|_+\p{L}*|\p{N}| ?[^\s\p{L}\p{N}_]+|[ \t]+(?=[ \t])|[ \t]+|\s+"
)


def train_tokenizer(documents: Documents, vocabulary: int, chars: int, file: Path) -> None:
    """Train on about `chars` characters of `documents` and write a `tokenizer.json`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_PIECES, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        max_token_length=24,
    )
    tokenizer.train_from_iterator(_sample(documents, chars), trainer)
    file.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(file))


def _sample(documents: Documents, chars: int) -> Iterator[str]:
    """Every n-th document, so that about `chars` characters of the whole corpus are read."""
    step = max(1, int(documents.weights.sum() // chars))
    for index in range(0, len(documents), step):
        yield documents[index].text
