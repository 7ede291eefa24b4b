"""The output of `--watch` for drafts of each model family."""

from __future__ import annotations

import io

from rich.console import Console

from dgls.cli.watch import Watch
from dgls.protocol import WRITTEN, Draft, Fill, FillReply
from dgls.syntax.cursor import Budget, context_at
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from tests.support.marks import read_marks


def watched(marked: str, drafts: list[Draft], *candidates: Fill, **cost: int) -> str:
    text, spans = read_marks(marked)
    source = Source.parse(text, language_named("python"))
    shown = io.StringIO()
    watch = Watch(
        context_at(source, spans, Budget(500, 500)),
        Console(file=shown, width=100, color_system=None, highlight=False),
    )
    for draft in drafts:
        watch.draft(draft)
    watch.finish(candidates[0], FillReply(candidates, "m", **cost))
    return shown.getvalue()


def test_a_causal_fill_shows_accepted_and_refused_tokens_of_each_pass() -> None:
    drafts = [
        Draft(1, ("x +",), ("x", " +", " y", "\n"), (True, True, False, False), WRITTEN, (" 1",)),
        Draft(2, ("x + 1",), (" 1",), (True,), WRITTEN),
        Draft(3, ("x + 1",), (), (), WRITTEN),
    ]
    shown = watched(
        "y = ⟦⟧\n",
        drafts,
        Fill(("x + 1",), -1.0, 0.8, "beam"),
        Fill(("x",), -2.0, 0.1, "copied"),
        Fill(("",), -3.0, 0.05, "draft"),
        steps=3,
        written=4,
        passes=9,
    )
    assert "  pass 1  x  +  ~ y⏎~  ▸  1\n" in shown
    assert "  pass 2   1\n" in shown
    assert "  pass 3  the end\n" in shown
    assert "     80%  searched x + 1\n     10%  copied   x\n      5%  written  (nothing)\n" in shown
    assert "y = x + 1" in shown
    assert "4 tokens in 3 passes, 6 more to search and compare" in shown
    assert "denoise" not in shown


def test_a_canvas_shows_its_steps() -> None:
    drafts = [Draft(0, ("x",)), Draft(1, ("x1",), ("x", "1"), (True, False))]
    shown = watched("y = ⟦⟧\n", drafts, Fill(("x1",), -1.0, 0.8, "noise"), steps=1)
    assert "   draft  x\n" in shown
    assert "  step 1  x1\n" in shown
    assert "1 denoise steps" in shown
    assert "pass " not in shown
