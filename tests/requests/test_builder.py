"""Every way in builds requests with one builder, with the same neighbours and limits."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from dgls.config import ContextSettings, FillSettings
from dgls.policy.privacy import Privacy
from dgls.protocol import Trigger
from dgls.requests.builder import EXPLICIT_CANDIDATES, Asker, Task, budget_of, limits_of
from dgls.requests.neighbours import imported_outlines
from dgls.sound.gap_edit import selection_work
from dgls.sound.site import Purpose
from dgls.syntax.cursor import Budget
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.spans import Span
from tests.support.marks import cursor_of

PYTHON = language_named("python")
ROOT = Path(__file__).parents[2] / "dgls"


@pytest.mark.parametrize(
    ("marked", "purpose", "most", "lines"),
    [
        ("x = ⟦⟧", Purpose.AUTOMATIC, 5, 1),
        ("def f():\n    ⟦⟧", Purpose.AUTOMATIC, 5, 5),
        ("def f():\n    ⟦⟧x", Purpose.AUTOMATIC, 5, 1),
        ("x = ⟦⟧", Purpose.EXPLICIT, 1, 8),
        ("x = ⟦⟧", Purpose.EXPLICIT, 12, 12),
        ("f(⟦⟧)", Purpose.EXPLICIT, 12, 1),
    ],
)
def test_place_and_purpose_set_the_line_limit(
    marked: str, purpose: Purpose, most: int, lines: int
) -> None:
    text, cursor = cursor_of(marked)
    settings = FillSettings(max_lines=most)
    task = Task.at_cursor(Source.parse(text, PYTHON), cursor, settings, purpose)
    (gap,) = task.request(Asker(), limits_of(settings)).gaps
    assert gap.max_lines == lines


def test_a_rewrite_may_be_a_few_lines_longer_than_the_old_text() -> None:
    text = "if a:\n    b()\n    c()\n"
    work = selection_work(Source.parse(text, PYTHON), Span(6, len(text)), 0.5)
    (gap,) = Task.of_work(work, Budget()).request(Asker(), limits_of(FillSettings())).gaps
    assert (gap.text, gap.strength) == ("b()\n    c()", 0.5)
    assert gap.max_lines > 2


def test_several_gaps_share_one_request() -> None:
    text = "a = 1\nb = 2\n"
    source = Source.parse(text, PYTHON)
    task = Task.at(source, [Span(4, 5), Span(10, 10)], Budget(), lines=1, strength=0.5)
    request = task.request(Asker(path="a.py", version=3), limits_of(FillSettings()))
    assert request.parts == ("a = ", "\nb = ", "2\n")
    assert [(gap.text, gap.strength) for gap in request.gaps] == [("1", 0.5), ("", 1.0)]
    assert (request.path, request.version, request.language) == ("a.py", 3, "python")


def test_explicit_requests_get_more_time_and_candidates_than_typing() -> None:
    settings = FillSettings(automatic_deadline_ms=0, explicit_deadline_ms=900, candidates=2)
    typed, asked = limits_of(settings, Trigger.AUTOMATIC), limits_of(settings)
    assert (typed.deadline_ms, typed.candidates) == (None, 2)
    assert (asked.deadline_ms, asked.candidates) == (900, EXPLICIT_CANDIDATES)


def test_imported_files_are_neighbours_unless_private(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("def total(prices):\n    return sum(prices)\n")
    (tmp_path / "credentials.py").write_text("def key():\n    return 1\n")
    source = Source.parse("import shop\nimport credentials\n", PYTHON)
    privacy = Privacy((tmp_path,), ("credentials.*",), True)
    path, roots = tmp_path / "main.py", [tmp_path]

    def may_read(file: Path) -> bool:
        return privacy.why_not(str(file)) is None

    found = imported_outlines(source, path, roots, ContextSettings(chars=800), may_read)
    assert [snippet.path for snippet in found] == ["shop.py"]
    assert "total(prices)" in found[0].text
    none = imported_outlines(source, path, roots, ContextSettings(chars=0), may_read)
    assert none == ()


def test_requests_for_a_document_are_built_in_one_place() -> None:
    """Requests built by hand have no document: a trial, a warm-up, a benchmark of the engine."""
    by_hand = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "FillRequest":
                by_hand.add(path.relative_to(ROOT).as_posix())
    assert by_hand == {
        "doctor/speed.py",
        "engine/backends/local.py",
        "engine/backends/vllm.py",
        "fill/adapter_trial.py",
        "lab/bench/load.py",
        "lab/bench/overhead.py",
        "lab/bench/passes.py",
        "requests/builder.py",
    }


@pytest.mark.parametrize("path", sorted((ROOT / "lsp" / "features").glob("*.py")), ids=str)
def test_no_feature_holds_the_server(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert "dgls.lsp.server" not in modules


def test_the_settings_limit_what_the_model_sees() -> None:
    settings = FillSettings(prefix_chars=300, suffix_chars=40)
    assert budget_of(settings) == Budget(300, 40)
    source = Source.parse("x = 1\n" * 400, PYTHON)
    task = Task.at_cursor(source, 1200, settings, Purpose.AUTOMATIC)
    limits = task.request(Asker(), limits_of(settings)).limits
    assert (limits.prefix_chars, limits.suffix_chars) == (300, 40)


def test_automatic_settings_leave_the_budgets_to_the_model() -> None:
    usual = FillSettings()
    assert budget_of(usual) == Budget()
    automatic, asked = limits_of(usual, Trigger.AUTOMATIC), limits_of(usual)
    assert (automatic.candidates, asked.candidates) == (1, 4)
    assert (asked.prefix_chars, asked.suffix_chars) == (None, None)
