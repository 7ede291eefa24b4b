"""A renamed variable: members, arguments and labels of the same name keep theirs."""

from __future__ import annotations

import pytest

from dgls.edits.hunk import remembered
from dgls.edits.ripple import ripple
from dgls.edits.state import State
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span, apply_edits

OLD, NEW = "count", "total"


def after(language: str, text: str) -> str:
    """The text with its first `count` renamed, and with all offers applied."""
    at = text.index(OLD)
    edit = Edit(Span(at, at + len(OLD)), NEW)
    source = Source.parse(text, language_named(language))
    hunks = remembered((), text, edit)
    now = source.edited([edit])
    return apply_edits(now.text, [Edit(o.span, o.text) for o in ripple(State(now, hunks))])


@pytest.mark.parametrize(
    ("language", "header", "kept", "renamed"),
    [
        ("java", "void f(int count)", "this.count = 1;", "this.count = count;"),
        ("java", "void f(int count)", "a.count(A::count);", "a.count(count);"),
        ("java", "void f(int count)", "for (;;) { break count; }", "g(count);"),
        ("csharp", "void F(int count)", "this.count = 1;", "this.count = count;"),
        ("csharp", "void F(int count)", "G(count: 1);", "G(count: count);"),
        ("csharp", "void F(int count)", "var b = new B { count = 1 };", "count = 2;"),
        ("go", "func f(count int)", "x = T{count: 1}", "x = T{count: count}"),
        ("javascript", "function f(count)", "g({ count: 1 });", "g({ count: count });"),
    ],
)
def test_members_arguments_and_labels_keep_their_names(
    language: str, header: str, kept: str, renamed: str
) -> None:
    head = {"go": "package a\n\n", "javascript": ""}.get(language, "class A {\n")
    tail = "" if language in {"go", "javascript"} else "}\n"
    text = f"{head}{header} {{\n  {kept}\n  {renamed}\n}}\n{tail}"
    # The last value or target is the variable.
    value = renamed[::-1].replace(OLD[::-1], NEW[::-1], 1)[::-1]
    header = header.replace(OLD, NEW)
    assert after(language, text) == f"{head}{header} {{\n  {kept}\n  {value}\n}}\n{tail}"


@pytest.mark.parametrize(
    ("language", "text", "renamed"),
    [
        (
            "lua",
            "local function f(count)\n  self.count = { count = 1, [count] = x:count() }\nend\n",
            "local function f(total)\n  self.count = { count = 1, [total] = x:count() }\nend\n",
        ),
        (
            "go",
            "package a\n\nfunc f(count int) {\n\tx = map[int]int{count: 1}\n}\n",
            "package a\n\nfunc f(total int) {\n\tx = map[int]int{total: 1}\n}\n",
        ),
        (
            "typescript",
            "function f(count: number) {\n  return { count };\n}\n",
            "function f(total: number) {\n  return { count: total };\n}\n",
        ),
        (
            "rust",
            "fn f(count: u32) -> S {\n    S { count }\n}\n",
            "fn f(total: u32) -> S {\n    S { count: total }\n}\n",
        ),
        (
            "javascript",
            "const count = 3;\nexport { count, count as two };\n",
            "const total = 3;\nexport { total as count, total as two };\n",
        ),
        (
            "csharp",
            "class A {\n  void F(int count) {\n    var x = new { count };\n  }\n}\n",
            "class A {\n  void F(int total) {\n    var x = new { count = total };\n  }\n}\n",
        ),
    ],
)
def test_a_name_that_is_also_a_members_is_written_out(
    language: str, text: str, renamed: str
) -> None:
    assert after(language, text) == renamed


@pytest.mark.parametrize(
    ("what", "language", "text"),
    [
        (
            "an inner function would mean its own variable",
            "python",
            "def f(count):\n    def g():\n        total = 1\n        return count + total\n",
        ),
        (
            "a pattern declares the name again",
            "rust",
            "fn f(count: u32) {\n    let S { count, .. } = s;\n    g(count);\n}\n",
        ),
        (
            "a pattern declares the name again",
            "javascript",
            "function f(count) {\n  const { count } = x;\n  g(count);\n}\n",
        ),
        (
            "a parameter's pattern declares it in an inner function",
            "javascript",
            "function f(count) {\n  function g({ count }) { return count; }\n}\n",
        ),
    ],
)
def test_silence(what: str, language: str, text: str) -> None:
    assert after(language, text) == text.replace(OLD, NEW, 1)
