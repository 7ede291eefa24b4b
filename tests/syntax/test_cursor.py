"""The context is what is near and what encloses it, and stays the same while the user types."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgls.errors import PositionError
from dgls.syntax.cursor import Budget, context_at
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span
from tests.support.marks import read_marks
from tests.support.texts import long_texts, texts

PYTHON = language_of("a.py")
INVENTORY = Path(__file__, "../../../fixtures/python/inventory.py").resolve().read_text("utf-8")
WHOLE = Budget(prefix_chars=100_000, suffix_chars=100_000)


def cut(marked: str, budget: Budget) -> str:
    """The rest of a marked text within a budget, gaps shown by their marks."""
    text, spans = read_marks(marked)
    context = context_at(Source.parse(text, PYTHON), spans, budget)
    gaps = [f"⟦{gap}⟧" for gap in context.gaps]
    return "".join(part + gap for part, gap in zip(context.parts, [*gaps, ""], strict=True))


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        pytest.param("⟦⟧", "⟦⟧", id="empty document"),
        pytest.param("x = ⟦⟧", "x = ⟦⟧", id="no final newline"),
        pytest.param("def f(⟦a⟧):\n    ⟦⟧\n\nf(⟦1⟧)\n", None, id="several gaps"),
        pytest.param("x = ⟦1⟧\r\ny\r\n", "x = ⟦1⟧\ny\n", id="CRLF becomes LF"),
        pytest.param("x\ry\r\n⟦⟧\rz", "x\ny\n⟦⟧\nz", id="mixed line ends become LF"),
        pytest.param("\ufeffx = ⟦⟧\n", "x = ⟦⟧\n", id="no byte order mark"),
        pytest.param("⟦⟧\ufeffx\n", "⟦⟧x\n", id="no byte order mark after the cursor"),
        pytest.param("\tx = '😀⟦⟧'\n", None, id="tabs and astral characters stay"),
    ],
)
def test_a_text_within_the_budget_is_kept_whole(marked: str, expected: str | None) -> None:
    assert cut(marked, WHOLE) == (marked if expected is None else expected)


def test_a_long_text_is_cut_at_lines_and_keeps_enclosing_headers() -> None:
    marked = INVENTORY.replace("        return total\n", "        ⟦⟧\n")
    assert cut(marked, Budget(prefix_chars=600, suffix_chars=200)) == (
        "import csv\n"
        "import json\n"
        "from collections import defaultdict\n"
        "\n"
        "class Inventory:\n"
        "    def search(self, query: str) -> Iterator[Item]:\n"
        "        for item in self.items.values():\n"
        "            if item.matches(words):\n"
        "                yield item\n"
        "\n"
        "    def value(self) -> Decimal:\n"
        '        """What everything on the shelf would sell for."""\n'
        "        total = Decimal(0)\n"
        "        for sku, count in self.shelf.counts.items():\n"
        "            total += self.items[sku].price * count\n"
        "        ⟦⟧\n"
        "\n"
        "    def running_low(self, threshold: int = 5) -> list[Item]:\n"
        '        """The items of which fewer than `threshold` pieces are free."""\n'
        "        low = []\n"
        "        for sku, item in self.items.items():\n"
    )


def window_above(head: str, filler: str = "        step()\n") -> str:
    """The kept head of a text whose window begins far below `head`, among filler lines."""
    text = head + filler * 200
    source = Source.parse(text, PYTHON)
    return context_at(source, [Span(len(text), len(text))], Budget(prefix_chars=800)).head


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        pytest.param(
            "class A(B):\n    def f(\n        self,\n        a: int,\n    ) -> int:\n",
            "class A(B):\n    def f(\n        self,\n        a: int,\n    ) -> int:\n",
            id="a header over several lines",
        ),
        pytest.param(
            "class A:\n    async def f(self):\n        def g():\n            pass\n\n",
            "class A:\n    async def f(self):\n",
            id="a function that has ended does not enclose",
        ),
        pytest.param(
            "def g():\n    x\n\nclass A:\n    x = 1\n    def f(self):\n# note\n\n",
            "class A:\n    def f(self):\n",
            id="comments and blank lines do not end a scope",
        ),
        pytest.param(
            "def f():\n    for x in y:\n",
            "def f():\n",
            id="a loop is not a scope but leads to one",
        ),
        pytest.param("class A:\n def f(self):\n\tif x:\n", "class A:\n def f(self):\n", id="tabs"),
        pytest.param(
            "from __future__ import annotations\nimport os\nfrom a.b import (\n    c,\n    d,\n)\n"
            "x = 1\ndef f():\n    import late\n",
            "import os\nfrom a.b import (\n    c,\n    d,\n)\n\ndef f():\n",
            id="imports of the file's head",
        ),
        pytest.param("import os\r\nclass A:\r\n", "import os\n\nclass A:\n", id="CRLF"),
        pytest.param(
            f"import {'x' * 90}\nimport {'y' * 300}\nclass {'Z' * 90}:\n",
            f"import {'x' * 90}\n\nclass {'Z' * 90}:\n",
            id="lines past the budget are left out",
        ),
    ],
)
def test_the_head_has_imports_and_enclosing_headers(head: str, kept: str) -> None:
    assert window_above(head) == kept


def test_a_window_at_the_top_level_keeps_only_imports() -> None:
    assert window_above("import os\n\ndef f():\n    pass\n\n", "x = 10\n") == "import os\n"


def test_a_line_longer_than_the_budget_is_cut_anywhere() -> None:
    text = "x = '" + "a" * 5_000 + "'\n"
    source = Source.parse(text, PYTHON)
    context = context_at(source, [Span(2_500, 2_500)], Budget(prefix_chars=100, suffix_chars=60))
    assert context.head == ""
    assert 30 <= len(context.parts[0]) <= 100
    assert context.parts[1] == "a" * 60


def test_the_context_has_the_whole_line_of_the_gap() -> None:
    text, spans = read_marks("x\r\n    total = ⟦su⟧m(⟦⟧a, b)\r\ny\r\n")
    context = context_at(Source.parse(text, PYTHON), spans, Budget(4, 2))
    assert (context.line_head, context.line_tail) == ("    total = ", "a, b)")
    assert context.for_document("a\n    b") == "a\r\n    b"


@pytest.mark.parametrize(
    "gaps", [(), (Span(0, 9),), (Span(2, 3), Span(1, 2)), (Span(1, 3), Span(2, 4))]
)
def test_impossible_gaps_are_refused(gaps: tuple[Span, ...]) -> None:
    with pytest.raises(PositionError, match="nothing was changed"):
        context_at(Source.parse("x = 1", PYTHON), gaps)


@settings(max_examples=150)
@given(st.data(), long_texts, st.integers(8, 400), st.integers(0, 200))
def test_parts_are_within_the_budget_and_next_to_the_gap(
    data: st.DataObject, text: str, prefix_chars: int, suffix_chars: int
) -> None:
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    source = Source.parse(text, PYTHON)
    budget = Budget(prefix_chars, suffix_chars)
    context = context_at(source, [Span(start, end)], budget)
    prefix, suffix = context.parts
    assert len(prefix) <= prefix_chars
    assert len(suffix) <= suffix_chars
    whole = context_at(source, [Span(start, end)], WHOLE)
    assert prefix.startswith(context.head)
    assert whole.parts[0].endswith(prefix.removeprefix(context.head))
    assert whole.parts[1].startswith(suffix)
    # At least a quarter of the budget is text right before the cursor.
    assert len(prefix) - len(context.head) >= min(len(whole.parts[0]), prefix_chars // 4 - 1) / 2


@settings(max_examples=150)
@given(st.data(), long_texts, st.integers(40, 600), texts.filter(bool))
def test_typing_extends_the_prefix_and_leaves_the_suffix(
    data: st.DataObject, text: str, prefix_chars: int, typed: str
) -> None:
    # No editor lets a cursor be before the byte order mark.
    at = data.draw(st.integers(int(text.startswith("\ufeff")), len(text)))
    budget = Budget(prefix_chars, 100)
    source = Source.parse(text, PYTHON)
    contexts = [context_at(source, [Span(at, at)], budget)]
    for char in typed:
        source = source.edited([Edit(Span(at, at), char)])
        at += 1
        contexts.append(context_at(source, [Span(at, at)], budget))
    hops = 0
    for before, after in pairwise(contexts):
        hops += not after.parts[0].startswith(before.parts[0])
        assert after.parts[1] == before.parts[1]
    # The window holds three quarters of the budget and moves by half of that. The first move comes
    # when the text outgrows the whole budget.
    assert hops <= 2 + len(typed) // (prefix_chars * 3 // 8)


def test_far_down_a_file_the_wide_text_keeps_its_start_during_typing() -> None:
    line, typed = "    total = price * count\n", "result = value1 + value2\n" * 40
    above, below = "class A:\n" + line * 3_000, line * 3_000
    starts = []
    for end in range(len(typed)):
        at = len(above) + end
        source = Source.parse(above + typed[:end] + below, PYTHON)
        before, after = context_at(source, [Span(at, at)]).around
        assert 16_000 <= len(before) <= 20_000
        assert before.startswith(line)
        assert after.endswith(line)
        starts.append(at - len(before))
    assert len(set(starts)) <= 2


@pytest.mark.parametrize(
    "typed", ["self.x = [", '"""', "def f(", "\n\n\nclass ", "}", "\\", "'", "\t"]
)
def test_broken_code_at_the_cursor_does_not_change_the_text_before(typed: str) -> None:
    source = Source.parse(INVENTORY, PYTHON)
    at = INVENTORY.index("        return total\n")
    budget = Budget(prefix_chars=440)
    before = context_at(source, [Span(at, at)], budget)
    after = context_at(
        source.edited([Edit(Span(at, at), typed)]), [Span(at + len(typed), at + len(typed))], budget
    )
    assert before.head
    assert after.parts[0] == before.parts[0] + typed
