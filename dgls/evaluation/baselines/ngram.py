"""An n-gram model of a corpus mixed with one of the open file, writing from left to right.

The cache of the file follows Kuhn and De Mori (1990), for code Hellendoorn and Devanbu, "Are deep
neural networks the best choice for modeling source code?" (2017).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dgls.evaluation.baselines.code_tokens import Vocabulary, split_unfinished, tokenize
from dgls.evaluation.baselines.ngram_model import MOST_TOKENS, Ids, NgramModel, Probabilities
from dgls.evaluation.cases import Case
from dgls.evaluation.systems import Answer
from dgls.protocol import Gap

# Weight and power are the best of a small grid, tried on gaps cut from another tree.
_BEAM = 4
_BRANCHES = 6
_LINE_TOKENS = 24
_BLOCK_TOKENS = 64
_JOIN_TOKENS = 2
_CACHE_WEIGHT = 0.6
_LENGTH_POWER = 0.4


@dataclass(frozen=True, slots=True)
class _Hypothesis:
    """Tokens written so far, their summed log-probability, and the history that they extend."""

    history: tuple[int, ...]
    written: tuple[int, ...] = ()
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class _Closed:
    """A finished text of `tokens` tokens with its summed log-probability, `score`.

    `joined` is that of the text and of the suffix's first tokens behind it, `length` in all.
    """

    text: str
    tokens: int
    score: float
    joined: float
    length: int

    @property
    def merit(self) -> float:
        """What texts of different length are compared by."""
        return self.joined / math.pow(self.length, _LENGTH_POWER)


@dataclass(frozen=True)
class Ngram:
    """A beam search for the text that the model likes best together with the suffix's beginning.

    Candidates of different length are compared by their log-probability over a power of their
    length. `texts` are counted when the first case comes, the file around a gap for each case. No
    texts: the file at hand is all it knows.
    """

    texts: tuple[str, ...]
    name: str = "ngram"
    takes_length: bool = True
    threshold: float | None = None

    @cached_property
    def settings(self) -> str:
        """Which texts are counted, and how the search weighs them."""
        digest = hashlib.sha256()
        for text in self.texts:
            digest.update(text.encode(errors="surrogatepass"))
        search = (_BEAM, _BRANCHES, _JOIN_TOKENS, _CACHE_WEIGHT, _LENGTH_POWER)
        return f"corpus {digest.hexdigest()[:16]}, search {search}"

    @cached_property
    def _corpus(self) -> tuple[NgramModel, Vocabulary]:
        vocabulary = Vocabulary()
        counted: list[Ids] = [np.zeros(0, dtype=np.int64)]
        for text in self.texts:
            # The other half of the numbers is left to the words of the file at hand.
            if len(vocabulary) > MOST_TOKENS // 2:
                break
            counted.append(np.array(vocabulary.add(tokenize(text)), dtype=np.int64))
        return NgramModel.of(np.concatenate(counted), len(vocabulary)), vocabulary

    def fill(self, case: Case, *, oracle_length: bool) -> Answer:
        """Fill the gaps from the first to the last; each sees the texts written before it."""
        corpus, vocabulary = self._corpus
        local = Vocabulary(vocabulary)
        cached = [number for part in case.parts for number in local.add(tokenize(part))]
        mixture = _Mixture(corpus, NgramModel.of(cached, len(local)), local)
        prefix, closed = case.parts[0], []
        for gap, part, truth in zip(case.gaps, case.parts[1:], case.truth, strict=True):
            begun = split_unfinished(prefix)[1]
            length = len(tokenize(begun + truth)) if oracle_length else None
            closed.append(_Search(mixture, gap, length).run(prefix, part))
            prefix += closed[-1].text + part
        tokens = sum(each.tokens for each in closed)
        return Answer(
            texts=tuple(each.text for each in closed),
            confidence=math.exp(min(each.joined / each.length for each in closed)),
            score=sum(each.score for each in closed),
            tokens=tokens,
            steps=tokens,
            proposal=self.name,
        )


@dataclass(frozen=True, slots=True)
class _Mixture:
    """The corpus and the file, mixed by a fixed weight."""

    corpus: NgramModel
    cache: NgramModel
    vocabulary: Vocabulary

    def probabilities(self, history: Sequence[int], tokens: Ids) -> Probabilities:
        cached = self.cache.probabilities(history, tokens)
        return _CACHE_WEIGHT * cached + (1 - _CACHE_WEIGHT) * self.corpus.probabilities(
            history, tokens
        )

    def likely(self, history: Sequence[int]) -> Ids:
        return np.union1d(
            self.cache.likely(history, _BRANCHES), self.corpus.likely(history, _BRANCHES)
        )


@dataclass(frozen=True, slots=True)
class _Search:
    """One gap. `length` is the number of tokens to write, or None where it is unknown.

    The token that the prefix leaves unfinished is written again, with what follows, and counts.
    """

    mixture: _Mixture
    gap: Gap
    length: int | None

    def run(self, prefix: str, suffix: str) -> _Closed:
        """The best text between `prefix` and `suffix`."""
        tokens, begun = split_unfinished(prefix)
        vocabulary = self.mixture.vocabulary
        beam = [_Hypothesis(tuple(vocabulary.add(tokens[-2:])))]
        join = vocabulary.add(tokenize(suffix[:200])[:_JOIN_TOKENS])
        best = _Closed("", 0, 0.0, -math.inf, 1)
        for count in range(1, self._most + 1):
            beam = self._extended(beam, begun)
            if self.length in {None, count}:
                closed = (self._closed(each, begun, join) for each in beam)
                written = (each for each in closed if each.text.strip())
                best = max((best, *written), key=lambda each: each.merit)
        return best

    @property
    def _most(self) -> int:
        return self.length or (_LINE_TOKENS if self.gap.max_lines == 1 else _BLOCK_TOKENS)

    def _extended(self, beam: list[_Hypothesis], begun: str) -> list[_Hypothesis]:
        """Each hypothesis with its likely next tokens; the best ones are kept."""
        longer: list[_Hypothesis] = []
        for hypothesis in beam:
            tokens = self.mixture.likely(hypothesis.history)
            if begun and not hypothesis.written:
                tokens = self._beginning_with(begun, tokens)
            chances = self.mixture.probabilities(hypothesis.history, tokens)
            best = np.lexsort((tokens, -chances))[:_BRANCHES]
            tokens, chances = tokens[best], chances[best]
            allowed = (
                self._extend(hypothesis, *pair) for pair in zip(tokens, chances, strict=True)
            )
            longer += [each for each in allowed if self._fits(each, begun)]
        return sorted(longer, key=lambda each: (-each.score, each.written))[:_BEAM]

    def _beginning_with(self, begun: str, likely: Ids) -> Ids:
        """Likely tokens that finish the begun one, and the begun one as it stands."""
        token = self.mixture.vocabulary.token
        kept = [int(number) for number in likely if token(int(number)).startswith(begun)]
        return np.unique(np.array([*kept, *self.mixture.vocabulary.add([begun])], dtype=np.int64))

    def _extend(self, hypothesis: _Hypothesis, token: np.int64, chance: float) -> _Hypothesis:
        return replace(
            hypothesis,
            history=(*hypothesis.history, int(token))[-2:],
            written=(*hypothesis.written, int(token)),
            score=hypothesis.score + math.log(chance),
        )

    def _fits(self, hypothesis: _Hypothesis, begun: str) -> bool:
        """Whether the text has no more lines than the gap may have."""
        token = self.mixture.vocabulary.token
        text = "".join(map(token, hypothesis.written))[len(begun) :]
        return text.count("\n") < self.gap.max_lines

    def _closed(self, hypothesis: _Hypothesis, begun: str, join: list[int]) -> _Closed:
        """The hypothesis with the suffix behind it."""
        score, history = hypothesis.score, hypothesis.history
        for number in join:
            wanted = np.array([number], dtype=np.int64)
            score += math.log(self.mixture.probabilities(history, wanted)[0])
            history = (*history, number)[-2:]
        text = "".join(map(self.mixture.vocabulary.token, hypothesis.written))[len(begun) :]
        count = len(hypothesis.written)
        return _Closed(text, count, hypothesis.score, score, count + len(join))
