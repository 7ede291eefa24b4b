"""The answer to an instruction as an edit: selections, answers, and results."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgls.sound.cleaned import Refusal
from dgls.sound.instructed import instructed
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.margin import margin_of, with_margin, without_margin
from tests.support.marks import read_marks


def block(code: str, fence: str = "```", language: str = "python") -> str:
    return f"{fence}{language}\n{code}\n{fence}"


def made(marked: str, answer: str, language: str = "python", complete: bool = True) -> str:
    """The file after the edit, or the reason why there is none."""
    text, (span,) = read_marks(marked)
    found = instructed(Source.parse(text, language_named(language)), span, answer, complete)
    if found.refusal is not None:
        assert found.text == ""
        return found.refusal.name
    return text[: span.start] + found.text + text[span.end :]


F = "def f(a):\n    return a"
G = "def f(a: int):\n    return a"


@pytest.mark.parametrize(
    ("marked", "answer", "expected"),
    [
        (f"⟦{F}⟧\n", block(G), f"{G}\n"),
        (f"⟦{F}⟧", block(G), G),
        (f"⟦{F}⟧\n", f"Here it is:\n\n{block(G)}\n\nI added a type.", f"{G}\n"),
        (f"⟦{F}⟧\n", block(G, "````"), f"{G}\n"),
        (f"⟦{F}⟧\n", block(G, "~~~"), f"{G}\n"),
        (f"⟦{F}⟧\n", block(f"\n{G}\n\n"), f"{G}\n"),
        (f"⟦{F}⟧\n", block(G).replace("\n", "\r\n"), f"{G}\n"),
        # A method is answered at the left margin, as it was shown, or as it is in the file.
        (
            "class A:\n    ⟦def f(self):\n        return 1⟧\n",
            block("def f(self):\n    return 2"),
            "class A:\n    def f(self):\n        return 2\n",
        ),
        (
            "class A:\n    ⟦def f(self):\n        return 1⟧\n",
            block("    def f(self):\n        return 2"),
            "class A:\n    def f(self):\n        return 2\n",
        ),
        (
            "class A:\n\t⟦def f(self):\n\t\treturn 1⟧\n",
            block("def f(self):\n    if self:\n        return 2"),
            "class A:\n\tdef f(self):\n\t\tif self:\n\t\t\treturn 2\n",
        ),
        (
            "if a:\n  if b:\n    c()\n\n\n⟦def f():\n  return 1⟧\n",
            block("def f():\n    if a:\n        return 1"),
            "if a:\n  if b:\n    c()\n\n\ndef f():\n  if a:\n    return 1\n",
        ),
        ("x = ⟦a + b⟧  # sum\n", block("sum([a, b])"), "x = sum([a, b])  # sum\n"),
        # For text at the left margin, the block keeps its place in the file.
        (
            'def f():\n    ⟦x = """\nSQL\n"""\n    return x⟧\n',
            block('    x = """\nSELECT\n"""\n    return x'),
            'def f():\n    x = """\nSELECT\n"""\n    return x\n',
        ),
        (
            "def f():\n    ⟦return 1\n    x = 2⟧\n",
            block("    return 3"),
            "def f():\n    return 3\n",
        ),
    ],
)
def test_a_block_replaces_the_selection(marked: str, answer: str, expected: str) -> None:
    assert made(marked, answer) == expected


@pytest.mark.parametrize(
    ("marked", "answer", "refusal"),
    [
        (f"⟦{F}⟧\n", "", Refusal.EMPTY),
        (f"⟦{F}⟧\n", "I cannot do that.", Refusal.NO_BLOCK),
        (f"⟦{F}⟧\n", F, Refusal.NO_BLOCK),
        (f"⟦{F}⟧\n", f"```python\n{G}", Refusal.CUT_OFF),
        (f"⟦{F}⟧\n", f"{block(G)}\n\nor\n\n{block(F)}", Refusal.NO_BLOCK),
        (f"⟦{F}⟧\n", block(""), Refusal.EMPTY),
        (f"⟦{F}⟧\n", block(F), Refusal.SAME),
        (f"⟦{F}⟧\n", block(f"{F}  "), Refusal.SAME),
        (f"⟦{F}⟧\n", block("def f(a:\n    return a"), Refusal.BROKEN),
        (f"⟦{F}⟧\n", block(f"Here is the code:\n{G}"), Refusal.BROKEN),
        (f"⟦{F}⟧\n", f"````\n```python\n{G}\n```\n````", Refusal.NO_BLOCK),
        (f"⟦{F}⟧\n", block("def f(a):\n    # ... rest of the code"), Refusal.LEFT_OUT),
        (f"⟦{F}⟧\n", block("def f(a):\n    # existing code\n    return a"), Refusal.LEFT_OUT),
        (f"⟦{F}⟧\nf(1)\n", block("def g(a):\n    return a"), Refusal.DROPS),
        ("f(1)\n⟦import os⟧\nos.getcwd()\n", block("import sys"), Refusal.DROPS),
        (
            "class A:\n    ⟦def f(self):\n        return 1⟧\n\nA().f()\n",
            block("x = 1"),
            Refusal.DROPS,
        ),
        (
            "⟦class A:\n    def f(self):\n        return 1⟧\n\nA().f()\n",
            block("class A:\n    def g(self):\n        return 1"),
            Refusal.DROPS,
        ),
        ("def h():\n    ⟦x = 1⟧\n    return x\n", block("y = 1"), Refusal.DROPS),
        (f"⟦{F}⟧\n\n\ndef g():\n    pass\n", block(f"{G}\n\n\ndef g():\n    x"), Refusal.REPEATS),
        (
            "class A:\n    ⟦def f(self):\n        return 1⟧\n",
            block("class A:\n    def f(self):\n        return 2"),
            Refusal.REPEATS,
        ),
    ],
)
def test_an_answer_without_an_edit_is_refused(marked: str, answer: str, refusal: Refusal) -> None:
    assert made(marked, answer) == refusal.name


@pytest.mark.parametrize(
    ("marked", "answer"),
    [
        # Names inside, and names that nothing else uses, may go.
        ("⟦def f(a):\n    x = a\n    return x⟧\n\n\nx = f(1)\n", "def f(a):\n    return a"),
        (f"⟦{F}⟧\n# f is gone\n", "def g(a):\n    return a"),
        ("def h():\n    ⟦x = 1⟧\n    return 2\n\n\nx = 3\n", "y = 1"),
        (
            "class A:\n    ⟦def f(self):\n        return 1⟧\n\n\nclass B:\n    def g(self): ...\n",
            "def f(self):\n    return 2\n\ndef g(self):\n    return 3",
        ),
        # A file that was broken before stays as broken.
        (f"⟦{F}⟧\n\nx = (\n", G),
        # A comment that the selection already has does not count as an omission.
        (
            "⟦def f(a):\n    # and so on ...\n    return a⟧\n",
            "def f(b):\n    # and so on ...\n    return b",
        ),
    ],
)
def test_a_harmless_answer_is_accepted(marked: str, answer: str) -> None:
    assert answer.split("\n")[0] in made(marked, block(answer))


def test_a_stopped_answer_is_refused_even_if_it_looks_complete() -> None:
    assert made(f"⟦{F}⟧\n", block(G), complete=False) == Refusal.CUT_OFF.name


def test_a_refusal_lists_the_lost_names() -> None:
    text, (span,) = read_marks(f"⟦{F}⟧\nf(1)\n")
    found = instructed(Source.parse(text, language_named("python")), span, block("g = 1"))
    assert found.names == ("f",)


@pytest.mark.parametrize(
    ("language", "marked", "code", "expected"),
    [
        (
            "typescript",
            "class A {\n  ⟦f() {\n    return 1;\n  }⟧\n}\n",
            "f(): number {\n  return 1;\n}",
            "class A {\n  f(): number {\n    return 1;\n  }\n}\n",
        ),
        (
            "go",
            "package a\n\n⟦func f() int {\n\treturn 1\n}⟧\n",
            "func f() int {\n    if true {\n        return 2\n    }\n    return 1\n}",
            "package a\n\nfunc f() int {\n\tif true {\n\t\treturn 2\n\t}\n\treturn 1\n}\n",
        ),
        (
            "rust",
            "impl A {\n    ⟦fn f(&self) -> i32 {\n        1\n    }⟧\n}\n",
            "/// One.\nfn f(&self) -> i32 {\n    1\n}",
            "impl A {\n    /// One.\n    fn f(&self) -> i32 {\n        1\n    }\n}\n",
        ),
    ],
)
def test_edits_in_other_languages(language: str, marked: str, code: str, expected: str) -> None:
    assert made(marked, block(code, language=language), language) == expected


LINES = st.lists(
    st.sampled_from(["", "    a", "\tb", "  c", "d", "        e"]), min_size=1, max_size=6
)


@given(head=st.sampled_from(["", "    ", "\t", "x = "]), lines=LINES)
def test_the_margin_is_restored(head: str, lines: list[str]) -> None:
    """The shown text, answered unchanged, gives the file's text."""
    margin = margin_of(head, "\n".join(["a", *lines]))
    text = "\n".join(["a", *(line if line.strip() else "" for line in lines)])
    shown = without_margin(head, text)
    if margin or not head.strip():
        assert with_margin(head, text, shown) == text
