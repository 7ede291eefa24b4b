"""Numbers in words."""

from __future__ import annotations

from dgls.text.counting import counted, in_tens


def test_one_thing_is_singular() -> None:
    assert [counted(n, "pass", "passes") for n in (0, 1, 2)] == ["0 passes", "1 pass", "2 passes"]


def test_progress_is_said_in_tens_and_restarts_for_the_next_thing() -> None:
    said: list[str] = []
    at = in_tens(said.append)
    for percent in (0, 4, 9, 10, 19, 100):
        at(percent, "loading")
    at(100, "")
    at(3, "warming up")
    assert said == ["loading (0 %)", "loading (10 %)", "loading (100 %)", "warming up (0 %)"]
