"""Candidates are ranked by the judge, and one that fills nothing is the last resort."""

from __future__ import annotations

from dgls.engine.candidates import ranked
from dgls.protocol import Fill


def fill(*texts: str, score: float) -> Fill:
    return Fill(texts, score, confidence=0.5)


def test_the_likeliest_comes_first_and_ties_keep_their_order() -> None:
    fills = [fill("a", score=-3), fill("b", score=-1), fill("c", score=-1)]
    assert [each.texts for each in ranked(fills, 2)] == [("b",), ("c",)]


def test_an_empty_fill_comes_last_however_likely() -> None:
    fills = [fill("", "", score=-1), fill("a", "", score=-9), fill("b", "c", score=-8)]
    assert [each.texts for each in ranked(fills, 3)] == [("b", "c"), ("a", ""), ("", "")]
