"""The results that a step needs of logits [positions, vocab], without storing them in fp32.

The likeliest token, its log-probability, the entropy, a drawn token, and the probabilities that
condition the next step, all from the logits after soft cap and temperature.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def read_chunk(
    logits,
    race,
    temperature,
    peaks,
    places,
    sums,
    weighted,
    leads,
    winners,
    vocab,
    cap,
    DRAW: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """One chunk of one position; program (position, chunk).

    `race` [positions, vocab] are draws of the exponential distribution: the token with the smallest
    draw divided by its probability is a sample by probability, as in torch.multinomial. The results
    are [positions, chunks].
    """
    position = tl.program_id(0)
    chunk = tl.program_id(1)
    tokens = chunk * BLOCK + tl.arange(0, BLOCK)
    inside = tokens < vocab
    here = position.to(tl.int64) * vocab + tokens
    tempered = _tempered(tl.load(logits + here, mask=inside, other=0.0), cap, temperature)
    tempered = tl.where(inside, tempered, -1.0e30)
    peak = tl.max(tempered, 0)
    weights = tl.where(inside, tl.exp(tempered - peak), 0.0)
    at = position * tl.num_programs(1) + chunk
    tl.store(peaks + at, peak)
    tl.store(places + at, chunk * BLOCK + tl.argmax(tempered, 0))
    tl.store(sums + at, tl.sum(weights, 0))
    tl.store(weighted + at, tl.sum(tl.where(inside, weights * tempered, 0.0), 0))
    if DRAW:
        lead = tempered - tl.log(tl.load(race + here, mask=inside, other=1.0))
        lead = tl.where(inside, lead, -1.0e30)
        tl.store(leads + at, tl.max(lead, 0))
        tl.store(winners + at, chunk * BLOCK + tl.argmax(lead, 0))


@triton.jit
def read_position(
    peaks,
    places,
    sums,
    weighted,
    leads,
    winners,
    best,
    log_probs,
    entropies,
    drawn,
    totals,
    CHUNKS: tl.constexpr,
    DRAW: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Merges the chunks of one position; program (position). Results are [positions]."""
    position = tl.program_id(0)
    chunks = tl.arange(0, BLOCK)
    inside = chunks < CHUNKS
    at = position * CHUNKS + chunks
    peak = tl.load(peaks + at, mask=inside, other=-1.0e30)
    highest = tl.max(peak, 0)
    shrink = tl.where(inside, tl.exp(peak - highest), 0.0)
    total = tl.sum(tl.load(sums + at, mask=inside, other=0.0) * shrink, 0)
    logarithm = highest + tl.log(total)
    mean = tl.sum(tl.load(weighted + at, mask=inside, other=0.0) * shrink, 0) / total
    winner = tl.load(places + position * CHUNKS + tl.argmax(peak, 0))
    tl.store(best + position, winner.to(tl.int64))
    tl.store(log_probs + position, highest - logarithm)
    tl.store(entropies + position, logarithm - mean)
    tl.store(totals + position, logarithm)
    if DRAW:
        lead = tl.load(leads + at, mask=inside, other=-1.0e30)
        winner = tl.load(winners + position * CHUNKS + tl.argmax(lead, 0))
    tl.store(drawn + position, winner.to(tl.int64))


@triton.jit
def likely(logits, temperature, totals, vocab, cap, BLOCK: tl.constexpr):
    """Replaces each logit by its token's probability; program (position, chunk)."""
    position = tl.program_id(0)
    tokens = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = tokens < vocab
    here = position.to(tl.int64) * vocab + tokens
    tempered = _tempered(tl.load(logits + here, mask=inside, other=0.0), cap, temperature)
    tl.store(logits + here, tl.exp(tempered - tl.load(totals + position)), mask=inside)


@triton.jit
def _tempered(logits, cap, temperature):
    """Capped at `cap` by a tanh, divided by the temperature, in fp32."""
    doubled = 2.0 * logits.to(tl.float32) / cap
    # tanh from one exponential; beyond 30 it is 1 in fp32, and the exponential would overflow.
    grown = tl.exp(tl.minimum(doubled, 60.0))
    return cap * (1.0 - 2.0 / (grown + 1.0)) / tl.load(temperature)
