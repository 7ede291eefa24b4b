"""The request for an instruction, and what is refused before a model is asked."""

from __future__ import annotations

import pytest

from dgls.config import Settings
from dgls.errors import InputError
from dgls.protocol import Snippet
from dgls.requests.builder import Asker
from dgls.requests.instruction import MAX_CHARS, MAX_CODE, InstructedEdit, Refused
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.spans import apply_edits
from tests.support.backends import edited_reply
from tests.support.marks import read_marks

PYTHON = language_named("python")


def asked(marked: str, instruction: str) -> InstructedEdit:
    text, (span,) = read_marks(marked)
    return InstructedEdit.of(Source.parse(text, PYTHON), span, instruction, Settings().fill)


@pytest.mark.parametrize(
    ("marked", "code", "before", "after"),
    [
        ("a = 1\n⟦    x = 1\n\n⟧b = 2\n", "x = 1", "a = 1\n    ", "\n\nb = 2\n"),
        ("⟦x = 1⟧", "x = 1", "", ""),
        ("f(⟦ a ⟧)\n", "a", "f( ", " )\n"),
    ],
)
def test_white_space_around_the_selection_is_left_out(
    marked: str, code: str, before: str, after: str
) -> None:
    request = asked(marked, " add types ").request(Asker(snippets=(Snippet("b.py", "y"),)))
    assert request.gaps[0].text == code
    assert request.parts == (before, after)
    assert request.instruction == "add types"
    assert request.snippets == ()
    assert request.limits.candidates == 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_answer_has_the_line_ends_of_the_document(end: str) -> None:
    marked = "a = 1\n⟦x = 1\ny = 2⟧\nb = 2\n".replace("\n", end)
    edit = asked(marked, "replace x = 1 by x = 3")
    text, _ = read_marks(marked)
    reply = edited_reply(edit.request(Asker()))
    assert apply_edits(text, [edit.edit(reply)]) == text.replace("x = 1", "x = 3")


@pytest.mark.parametrize(
    ("marked", "instruction", "words"),
    [
        ("⟦x = 1⟧\n", " \n", "empty"),
        ("⟦x = 1⟧\n", "x" * (MAX_CHARS + 1), "Shorten it"),
        ("x = 1\n⟦\n⟧", "add types", "no code"),
        (f"⟦{'x = 1; ' * (MAX_CODE // 7 + 1)}⟧\n", "add types", "Select less"),
    ],
)
def test_an_impossible_instruction_is_one_sentence(
    marked: str, instruction: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        asked(marked, instruction)


def test_a_refusal_names_what_would_be_lost() -> None:
    edit = asked("⟦def f():\n    return 1⟧\n\n\nf()\n", "replace def f by def g")
    with pytest.raises(Refused, match="used elsewhere: f"):
        edit.edit(edited_reply(edit.request(Asker())))
