"""The server's text equals the editor's after a part of the long run's edits."""

from __future__ import annotations

import pytest

from tests.proofs import fuzz


def test_random_edits_leave_no_difference() -> None:
    few = fuzz.Fuzz(seed=1)
    few.run(3_000)
    assert few.edits == 3_000


def test_a_text_that_differs_by_one_character_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = fuzz.reference_offset

    def wrong(*place: object) -> int:
        return max(0, right(*place) - 1)  # type: ignore[arg-type]

    monkeypatch.setattr(fuzz, "reference_offset", wrong)
    with pytest.raises(fuzz.Difference, match="of seed 1"):
        fuzz.Fuzz(seed=1).run(500)
