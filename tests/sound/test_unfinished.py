"""While other gaps of the document are open, broken syntax tells nothing about an answer."""

from __future__ import annotations

from dgls.sound.cleaned import Cleaned
from dgls.sound.site import Wanted
from tests.sound.marked import cleaned


def filled(marked: str, answer: str, *, unfinished: bool) -> Cleaned:
    return cleaned("python", marked, answer, Wanted(unfinished=unfinished), mark="▮")


def test_an_answer_is_still_trimmed() -> None:
    assert filled("f(▮) + g(\n", "a) + h(", unfinished=True).text == "a"


def test_an_open_bracket_is_refused_only_if_no_other_gap_may_close_it() -> None:
    assert not filled("x = 1\n▮\n", "y = (", unfinished=False).shown
    assert filled("x = 1\n▮\n", "y = (", unfinished=True).text == "y = ("
