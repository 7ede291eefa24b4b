"""Replayed typing: what is typed, and what counts as shown, right, flickering and stale."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dgls.config import Settings
from dgls.errors import InputError
from dgls.fill.stop import StopToken
from dgls.lab.bench.typing.fronts import Answer
from dgls.lab.bench.typing.measure import Measured, Replayed, measure, table
from dgls.lab.bench.typing.replay import Tally, replay, total
from dgls.lab.bench.typing.sessions import (
    Session,
    recorded_sessions,
    synthetic_sessions,
)
from dgls.lab.bench.typing.truth import THRESHOLD, Plan, Truthful
from dgls.lab.evaluation.cut import languages_of
from dgls.protocol import FillRequest
from dgls.text.spans import Edit


def session(
    text: str, *, waits: dict[int, float] | None = None, slips: tuple[int, ...] = ()
) -> Session:
    delays = tuple((waits or {}).get(at, 1.0) for at in range(len(text)))
    return Session("a.py", "x = ", text, "\n", delays, frozenset(slips))


@dataclass
class ScriptedFront:
    """Gives the test's answer to a text and cursor at once."""

    answer: Callable[[str, int], Answer | None]
    text: str = ""
    edits: list[Edit] = field(default_factory=list)

    async def open(self, name: str, text: str) -> None:
        self.text = text

    def change(self, edit: Edit, before: str) -> None:
        assert before == self.text
        self.edits.append(edit)
        self.text = before[: edit.span.start] + edit.text + before[edit.span.end :]

    async def suggest(self, text: str, cursor: int) -> Answer | None:
        return self.answer(text, cursor)


async def test_without_suggestions_everything_is_typed() -> None:
    front = ScriptedFront(lambda text, cursor: None)
    tally = await replay(session("a +\n    b", slips=(2,)), front)

    assert front.text == "x = a +\n    b\n"
    assert (tally.chars, tally.shown, tally.saved) == (9, 0, 0)
    # The indentation comes with the new line; a typo costs two keys.
    assert tally.keystrokes == len("a +\nb") + 2


async def test_a_right_suggestion_seen_long_enough_is_accepted() -> None:
    front = ScriptedFront(
        lambda text, cursor: Answer(cursor, "ice") if text[:cursor] == "x = pr" else None
    )
    tally = await replay(session("price + 1", waits={2: 2_000.0}), front)

    assert front.text == "x = price + 1\n"
    assert (tally.shown, tally.right, tally.accepts, tally.saved) == (1, 1, 1, 2)
    assert tally.keystrokes == len("pr") + 1 + len(" + 1")


async def test_typing_along_is_one_show_and_another_text_is_flicker() -> None:
    shows = {"x = p": "rice", "x = pr": "ice", "x = pri": "nt", "x = pric": "e"}
    front = ScriptedFront(lambda text, cursor: Answer(cursor, shows.get(text[:cursor], "")))
    tally = await replay(session("price", waits=dict.fromkeys(range(5), 30.0)), front)

    assert (tally.shown, tally.right, tally.flicker) == (3, 2, 1)


async def test_an_answer_for_another_place_is_stale() -> None:
    async def late(text: str, cursor: int) -> Answer | None:
        await asyncio.sleep(0.3 if text[:cursor] == "x = a" else 0)
        return Answer(5, "zzz") if text[:cursor] == "x = a" else None

    front = ScriptedFront(lambda text, cursor: None)
    front.suggest = late  # type: ignore[method-assign]
    tally = await replay(session("abc", waits={2: 600.0}), front)

    assert (tally.stale, tally.shown) == (1, 0)


def test_synthetic_sessions_are_function_bodies_chosen_by_the_seed(tmp_path: Path) -> None:
    body = "    total = 0\n    for item in basket:\n        total += item.price\n    return total\n"
    for number in range(3):
        (tmp_path / f"m{number}.py").write_text(f"def f{number}(basket):\n{body}\n\nx = {number}\n")
    made = synthetic_sessions(tmp_path, 2, seed=1)

    assert made == synthetic_sessions(tmp_path, 2, seed=1)
    for each in made:
        assert each.before.endswith("(basket):\n    ")
        assert each.text == body.strip()
        assert len(each.delays_ms) == len(each.text)
        assert max(each.delays_ms) > 500
    with pytest.raises(InputError):
        synthetic_sessions(tmp_path, 4, seed=1)


PYTHON = "async def f(a):\n    return " + " + ".join(["amount"] * 9) + "\n"
TYPESCRIPT = """export class Basket {
  total(items: Item[], rate: number): number {
    const sum = items.reduce((all, item) => all + item.price, 0);
    return sum * (1 + rate);
  }
}
"""
RUST = """impl Basket {
\tpub fn total(&self, rate: f64) -> f64 {
\t\tlet sum: f64 = self.items.iter().map(|item| item.price).sum();
\t\tsum * (1.0 + rate)
\t}
}
"""


@pytest.mark.parametrize(
    ("name", "text", "first", "last"),
    [
        ("a.ts", TYPESCRIPT, "const sum", "return sum * (1 + rate);"),
        ("a.rs", RUST, "let sum", "sum * (1.0 + rate)"),
        ("a.py", PYTHON, "return amount", "+ amount"),
    ],
)
def test_sessions_are_made_from_each_language(
    tmp_path: Path, name: str, text: str, first: str, last: str
) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "notes.md").write_text("# def f(a):\n")
    (made,) = synthetic_sessions(tmp_path, 1, seed=0)
    assert made.name == f"session_000{Path(name).suffix}"
    assert made.whole == text
    assert made.text.startswith(first)
    assert made.text.endswith(last)


def test_only_named_languages_are_typed(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text(TYPESCRIPT)
    (tmp_path / "a.rs").write_text(RUST)
    (made,) = synthetic_sessions(tmp_path, 1, seed=0, languages=languages_of(["rust"]))
    assert made.name == "session_000.rs"
    with pytest.raises(InputError, match="0 functions"):
        synthetic_sessions(tmp_path, 1, seed=0, languages=languages_of(["go"]))


async def test_tab_indentation_comes_with_the_new_line_too() -> None:
    front = ScriptedFront(lambda text, cursor: None)
    tally = await replay(session("a\n\t\tb"), front)
    assert tally.keystrokes == len("a\nb")


def recorded(each: Session) -> str:
    return json.dumps({**dataclasses.asdict(each), "slips": sorted(each.slips)}) + "\n"


def test_sessions_can_be_recorded_and_read_again(tmp_path: Path) -> None:
    sessions = (session("abc", slips=(1,)), session("de"))
    file = tmp_path / "sessions.jsonl"
    file.write_text("".join(map(recorded, sessions)))
    assert recorded_sessions(file) == sessions

    file.write_text('{"name": "a.py"}\n')
    with pytest.raises(InputError):
        recorded_sessions(file)


def test_the_simulated_backend_is_calibrated() -> None:
    words = " ".join(f"word{number}" for number in range(600))
    whole = f"{words}\nanother line\nand one more\n"
    plan = Plan({"a.py": whole}, error=0.4, latency_ms=0.0)
    backend = Truthful(plan)
    fills = []
    for at, char in enumerate(words):
        if char == " ":
            request = FillRequest((whole[: at + 1], "\n"), path="a.py")
            reply = backend.fill(request, StopToken())
            rest = whole[at + 1 :].partition("\n")[0]
            fills.append((reply.best.confidence, reply.best.texts[0] == rest))

    right = sum(is_right for _, is_right in fills) / len(fills)
    sure = [is_right for confidence, is_right in fills if confidence >= THRESHOLD]
    stated = [confidence for confidence, _ in fills if confidence >= THRESHOLD]
    assert right == pytest.approx(0.6, abs=0.07)
    assert sum(sure) / len(sure) == pytest.approx(sum(stated) / len(stated), abs=0.07)


def test_the_table_compares_the_policies() -> None:
    def tally(shown: int, right: int, accepted: int) -> Tally:
        return Tally(100, 90, shown, right, 0, 0, 2, accepted, [100.0, 300.0])

    text = table(
        Measured("dgls", tally(10, 8, 26), 50, 9.0), Measured("plain", tally(40, 20, 32), 200, 18.0)
    )
    assert "| wrong ones per 100 keystrokes | 2.2 | 22.2 |" in text
    assert "10% of the wrong suggestions, takes 25% of the steps and saves 80%" in text
    assert "| processor time of the engine per 1,000 keystrokes (s) | 100 | 200 |" in text
    assert total([tally(1, 1, 4), tally(2, 0, 6)]).accepted_chars == 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "before", "text", "after"),
    [
        ("a.py", "def f():\n    ", "total = first_price + second_price", "\n"),
        ("a.ts", "function f() {\n  ", "const total = firstPrice + secondPrice;", "\n}\n"),
        ("a.rs", "fn f() {\n    ", "let total = first_price + second_price;", "\n}\n"),
    ],
)
async def test_a_replay_through_the_real_server_saves_keystrokes_and_shows_nothing_stale(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, before: str, text: str, after: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    typed = Session(name, before, text, after, (500.0,) * 3 + (60.0,) * (len(text) - 3))
    plan = Plan.of([typed], error=0.01, latency_ms=5.0, seed=0)
    found = await measure(Settings(), Replayed([typed], plan, 1), lambda what: None)
    page, figures = found.to_text(), json.loads(found.to_json())

    assert "| stale shows | 0 | 0 |" in page
    assert "no model but a backend that knows the truth" in page
    assert "nothing accepted" not in page
    assert figures["chars"] == len(text)
    assert figures["policies"]["dgls"]["stale"] == 0
    assert len(figures["policies"]["dgls"]["waits_ms"]) == figures["policies"]["dgls"]["shown"] > 0
