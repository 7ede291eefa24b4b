"""The causal layout: the order of its parts, their size, and where the model begins to write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dgls.canvas.fim import FimBudget, FimLayout, healing_cut, without_closers
from dgls.protocol import FillRequest, Limits, Snippet
from dgls.text.spans import anchored_start
from tests.support.qwen2 import tiny_causal

ABOVE = "import os\n\n\n" + "".join(f"value{n} = {n}\n" for n in range(400))
BELOW = "".join(f"other{n} = {n}\n" for n in range(400))


@pytest.fixture(scope="module")
def layout() -> FimLayout:
    return tiny_causal().layout


def shown(layout: FimLayout, request: FillRequest) -> str:
    """The prompt as text, with short names for its special tokens."""
    names = {
        layout.codec.token_id(f"<|{name}|>"): f"<{name.removeprefix('fim_')}>"
        for name in ("fim_prefix", "fim_suffix", "fim_middle", "repo_name", "file_sep")
    }
    prompt = layout.prompt(request)
    text = "".join(names.get(each) or layout.codec.decode([each]) for each in prompt.tokens)
    return f"{text}|{prompt.rest.decode()}"


@pytest.mark.parametrize(
    ("prefix", "suffix", "expected"),
    [
        ("x = 1\n", "\ny\n", "<prefix><suffix>\ny\n<middle>x = 1\n|"),
        ("", "", "<prefix><suffix><middle>|"),
        ("x = va", "\n", "<prefix><suffix>\n<middle>x =| va"),
        ("def f():\n    ", "\n", "<prefix><suffix>\n<middle>def f():\n|    "),
        ("app.", "\n", "<prefix><suffix>\n<middle>app|."),
        # Closing brackets would change the prompt when an editor inserts them.
        ("f(", ")\ny\n", "<prefix><suffix>\ny\n<middle>f|("),
        ("f(", ", b)\n", "<prefix><suffix>, b)\n<middle>f|("),
    ],
)
def test_the_suffix_comes_first(layout, prefix: str, suffix: str, expected: str) -> None:
    assert shown(layout, FillRequest((prefix, suffix))) == expected


def test_other_files_come_first(layout) -> None:
    request = FillRequest(
        ("x\n", ""), snippets=(Snippet("a/b.py", "y = 1\n"), Snippet("c.py", "z"))
    )
    assert shown(layout, request).startswith(
        "<repo_name><file_sep>a/b.py\ny = 1\n<file_sep>c.py\nz\n<prefix><suffix>"
    )


@pytest.mark.parametrize(
    ("prefix", "rest"),
    [
        ("", ""),
        ("a\n", ""),
        ("a\n    ", "    "),
        ("a = self.na", ".na"),
        ("print(", "("),
        ("x = 'λογ", "λογ"),
        ("x = 1  ", "  "),
        ("a\r\n", ""),
    ],
)
def test_the_last_word_is_written_again(layout, prefix: str, rest: str) -> None:
    cut = healing_cut(prefix, layout.last_word)
    assert prefix[cut:].strip() == rest.strip()
    assert prefix[cut:].endswith(rest)
    assert "\n" not in prefix[cut:]


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        (")\nx", "\nx"),
        ("]}) \n", "\n"),
        ('")', ""),
        (") + 1\n", ") + 1\n"),
        ("\n)", "\n)"),
        ("", ""),
        ("  \n", "  \n"),
    ],
)
def test_closing_brackets_and_quotes_are_left_out_of_the_suffix(suffix: str, expected: str) -> None:
    assert without_closers(suffix) == expected


@pytest.mark.parametrize("closers", [")", "])", '")'])
def test_a_bracket_closed_by_the_editor_does_not_change_the_suffix(layout, closers: str) -> None:
    layout = replace(layout, budget=FimBudget(suffix=5_000))
    below = "\n" + "total = total + 1\n" * 200
    open_ = layout.prompt(FillRequest(("x = f", below), around=("x = f", below)))
    closed = layout.prompt(
        FillRequest(("x = f", closers + below), around=("x = f", closers + below))
    )
    assert closed.tokens == open_.tokens


def test_prefix_suffix_and_snippets_keep_to_their_budgets(layout) -> None:
    budget = FimBudget(prefix_chars=600, suffix_chars=90, prefix=60, suffix=20, snippets=30)
    small = FimLayout(layout.codec, layout.last_word, budget)
    snippets = tuple(Snippet(f"{n}.py", "name = 1\n" * 9) for n in range(5))
    request = FillRequest((ABOVE, BELOW), snippets=snippets, around=(ABOVE, BELOW))
    prompt = small.prompt(request)
    tokens = list(prompt.tokens)
    marks = [layout.codec.token_id(f"<|fim_{name}|>") for name in ("prefix", "suffix", "middle")]
    first, second, third = map(tokens.index, marks)
    assert first <= 1 + budget.snippets
    assert third - second - 1 <= budget.suffix
    assert len(tokens) - third - 1 <= budget.prefix
    assert layout.codec.decode(tokens[third + 1 :]).endswith(ABOVE[-20:])
    assert BELOW.startswith(layout.codec.decode(tokens[second + 1 : third]))


def test_a_snippet_is_cut_to_the_remaining_budget(layout) -> None:
    small = FimLayout(layout.codec, layout.last_word, FimBudget(snippets=30))
    long, short = Snippet("a.py", "name = 1\n" * 90), Snippet("b.py", "x")
    for snippets in ((long, short), (short, long)):
        tokens = small.prompt(FillRequest(("x\n", ""), snippets=snippets)).tokens
        text = layout.codec.decode(tokens[: tokens.index(layout.codec.token_id("<|fim_prefix|>"))])
        assert "name = 1" in text
        assert tokens.index(layout.codec.token_id("<|fim_prefix|>")) == 31


@pytest.mark.parametrize(("chars", "read"), [(400, 400), (5000, 5000), (None, 2400)])
def test_a_request_limits_how_much_of_the_document_is_read(layout, chars, read) -> None:
    above, below = "a = f(1)\n" * 1000, "b = g(2)\n" * 1000
    near = above[-(chars or 1200) :], below[: chars or 480]
    limits = Limits(prefix_chars=chars, suffix_chars=chars and chars // 2)
    request = FillRequest(near, around=(above, below), limits=limits)
    before, after = layout.surroundings(request)
    assert read * 0.7 <= len(before) <= read
    assert len(after) == (chars // 2 if chars else 800)
    read_whole = len(layout.codec.decode(layout.prompt(request).tokens)) > 0.6 * len(before + after)
    assert read_whole or chars is None


def _far_down(kept: str, line: str) -> FillRequest:
    """A request far down in a file of one repeated line; `kept` is from the file's beginning."""
    near = line * (900 // len(line))
    return FillRequest((kept + near, ""), around=(line * 1_000, ""))


@pytest.mark.parametrize(
    ("kept", "line", "expected"),
    [
        ("import one\n", "    a = f(1)\n", "import one\n    a = f(1)\n"),
        # The line above the window ends like the kept line.
        ("import g(1)\n", "    a = g(1)\n", "import g(1)\n    a = g(1)\n"),
        # Lines of the wider window are not repeated.
        ("import one\n\nclass A:\n", "class A:\n", "import one\nclass A:\n"),
        ("class A:\n", "class A:\n", "class A:\n"),
    ],
)
def test_kept_lines_come_whole_and_once_before_the_window(layout, kept, line, expected):
    prefix, _ = layout.surroundings(_far_down(kept, line))
    assert prefix.startswith(expected)


def test_typing_extends_the_prompt(layout) -> None:
    """The window's start moves rarely, so that read tokens stay cached."""
    extended, typed = 0, "result = value1 + value2\n" * 8
    before = layout.prompt(FillRequest((ABOVE, BELOW), around=(ABOVE, BELOW))).tokens
    for end in range(1, len(typed)):
        above = ABOVE + typed[:end]
        tokens = layout.prompt(FillRequest((above, BELOW), around=(above, BELOW))).tokens
        shared = next(
            (i for i, (a, b) in enumerate(zip(before, tokens, strict=False)) if a != b), 0
        )
        extended += shared == 0 or shared >= len(before) - 8
        before = tokens
    assert extended >= 0.95 * (len(typed) - 1)


@pytest.mark.parametrize("length", [0, 5, 99, 100, 101, 1000, 12345])
def test_a_window_keeps_to_its_length(length: int) -> None:
    start = anchored_start(length, 100)
    assert 0 <= start <= length
    assert length - start <= 100
    assert (start == 0) == (length <= 100)
