"""No answer of a model, wherever it is inserted, makes the file worse."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgls.sound.alike import alike
from dgls.sound.clean import sound
from dgls.sound.gap_edit import plain_work
from dgls.sound.gaps import judged, texts_of
from dgls.sound.site import Purpose, Site, Wanted
from dgls.syntax.guard import damage
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.encodings import Encoding
from dgls.text.lines import Lines, line_end_of, with_line_ends
from dgls.text.spans import Edit, Span
from tests.support.texts import texts

PIECES = {
    "python": ("def f(a):\n    ", "return a\n", "if a:\n", "    b()\n", "x = 1\n", "class A:\n"),
    "javascript": ("function f(a) {\n  ", "return a;\n", "}\n", "// (\n", "`${a}`", "/* ", "*/"),
    "go": ("func f(a int) int {\n\t", "return a\n", "}\n", "x := 1\n", "`", "if a {\n"),
    "rust": ("fn f(a: u8) -> u8 {\n    ", "a\n", "}\n", "let x = 'a';\n", "match a {\n", "=> 1,\n"),
}
SHARED = (
    "(",
    ")",
    "[",
    "]",
    '"',
    "'",
    ",",
    " ",
    "\n",
    "\r\n",
    "\t",
    "é",
    "e\u0301",
    "😀",
    "a",
    "b",
)


def code(language: str) -> st.SearchStrategy[str]:
    """Broken and sound code, with line ends of all kinds, astral and combining characters."""
    pieces = st.sampled_from((*PIECES[language], *PIECES[language], *SHARED))
    return st.lists(pieces, max_size=14).map("".join)


LANGUAGES = st.sampled_from(sorted(PIECES))


@settings(max_examples=120)
@given(st.data(), LANGUAGES, st.sampled_from(list(Purpose)), st.integers(1, 8))
def test_shown_text_adds_no_error_and_changes_nothing_else(
    data: st.DataObject, name: str, purpose: Purpose, lines: int
) -> None:
    prefix, suffix, answer = (data.draw(code(name)) for _ in range(3))
    old = data.draw(code(name)) if purpose is Purpose.REWRITE else ""
    text = prefix + old + suffix
    source = Source.parse(text, language_named(name))
    gap = Span(len(prefix), len(prefix) + len(old))
    found = sound(Site.of(source, gap, Wanted(purpose, lines)), answer)

    assert found.shown == bool(found.text.strip())
    assert "\r" not in found.text
    if not found.shown:
        return
    filled = with_line_ends(found.text, line_end_of(text))
    after = source.edited([Edit(gap, filled)])
    assert after.text == prefix + filled + suffix
    assert damage(after).faults <= damage(plain(source)).faults or (
        damage(plain(after)).faults <= damage(plain(source)).faults
    )


def plain(source: Source) -> Source:
    """The source with \\n as line ends, parsed from scratch."""
    return Source.parse(with_line_ends(source.text, "\n"), source.language)


@settings(max_examples=80)
@given(st.data(), LANGUAGES, st.integers(1, 8))
def test_sound_text_is_unchanged(data: st.DataObject, name: str, lines: int) -> None:
    prefix, suffix, answer = (data.draw(code(name)) for _ in range(3))
    site = Site.between(prefix, suffix, language_named(name), Wanted(max_lines=lines))
    found = sound(site, answer)
    if found.shown:
        assert sound(site, found.text).text == found.text


@settings(max_examples=60)
@given(texts, texts, texts)
def test_an_answer_within_a_line_keeps_to_its_line_limit(
    prefix: str, suffix: str, answer: str
) -> None:
    python = language_named("python")
    for lines in (1, 3):
        site = Site.between(prefix, suffix, python, Wanted(max_lines=lines))
        found = sound(site, answer)
        most = 1 if site.in_line else lines
        assert found.text.count("\n") < most


@pytest.mark.parametrize("encoding", list(Encoding))
@settings(max_examples=30)
@given(data=st.data())
def test_the_place_of_a_gap_survives_every_encoding(
    encoding: Encoding, data: st.DataObject
) -> None:
    prefix, suffix = data.draw(code("python")), data.draw(code("python"))
    if prefix.endswith("\r") or suffix.startswith("\n"):
        suffix = "x" + suffix
    lines = Lines(prefix + suffix)
    assert lines.offset(lines.position(len(prefix), encoding), encoding) == len(prefix)


@settings(max_examples=40)
@given(texts, texts)
def test_alike_ignores_outer_white_space(one: str, space: str) -> None:
    assert alike(alike(one)) == alike(one)
    assert alike(f"  {one}\n") == alike(one)


def test_several_gaps_are_judged_together() -> None:
    source = Source.parse("x = 1, 2\ny = \n", language_named("python"))
    works = [plain_work(source, Span(at, at), 1) for at in (4, 8, 13)]
    assert texts_of(judged(works, ("(", ")", "3"))) == ("(", ")", "3")
    assert texts_of(judged(works, ("0, ", ", 3", "4)"))) == ("0, ", ", 3", "4")
    assert texts_of(judged(works, ("(", "", "4"))) is None
