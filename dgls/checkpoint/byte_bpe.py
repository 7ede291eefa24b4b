"""The byte-level BPE tokenizer of Qwen2, from its tokens and merges."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

PRE_TOKENS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How Qwen2 splits text before merging (the `qwen2` pre-tokenizer of GGUF files)."""


def byte_bpe(tokens: Sequence[str], merges: Sequence[str], special: Sequence[str]) -> Tokenizer:
    """A tokenizer with ids by index in `tokens`; `special` ones are never read from text."""
    vocabulary = {token: index for index, token in enumerate(tokens)}
    parts = [merge.partition(" ") for merge in merges]
    pairs = [(left, right) for left, _, right in parts]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRE_TOKENS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    return tokenizer
