"""Where gaps can be cut in each language: never in a comment, never half a bracket."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgls.errors import LanguageError, SourceFileError
from dgls.lab.evaluation.cases import Kind
from dgls.lab.evaluation.cut import Files, cut_cases, languages_of
from dgls.lab.evaluation.places import Places, places_of
from dgls.syntax.languages import LANGUAGES, Known, known_of, language_of
from tests.support.marks import cursor_of

FIXTURES = Path(__file__, "../../../../fixtures/languages").resolve()
FILES = sorted(path.name for path in FIXTURES.iterdir())

DATA = {
    "a.md": "# One title\n\nSome words here\nand more.\n\n- item\n- other\n\n<!-- not this -->\n",
    "a.html": "<ul>\n  <li>one two</li>\n  <li>three</li>\n</ul>\n<!-- not this -->\n",
    "a.css": "/* not this */\na {\n  color: rgb(1, 2, 3);\n  margin: 0 auto;\n}\nb { top: 0; }\n",
    "a.sql": "-- not this\nSELECT a, b\nFROM t\nWHERE a = 'x y';\n",
    "a.yaml": "# not this\na:\n  b: one two\n  c: 1\nd: 2\n",
    "a.toml": '# not this\n[a]\nb = "one two"\nc = [1, 2]\nd = 3\n',
    "a.json": '{\n  "a": "one two",\n  "b": [\n    1,\n    2\n  ],\n  "c": 3\n}\n',
}


def found(name: str, text: str) -> Places:
    places = places_of(text, language_of(name))
    assert places is not None
    return places


def fixture(name: str) -> str:
    """The text of a fixture, with its gap filled by a number, which is valid in any language."""
    text, cursor = cursor_of((FIXTURES / name).read_text("utf-8"))
    return f"{text[:cursor]}1{text[cursor:]}"


@pytest.mark.parametrize("name", FILES)
def test_every_language_of_code_has_places_of_each_kind(name: str) -> None:
    text = fixture(name)
    places = found(name, text)
    assert places.bodies
    assert places.arguments or name.endswith(".sh")
    for span in places.arguments:
        assert text[span.start - 1] + text[span.end] == "()"
    for span in (*places.lines, *places.tokens):
        assert "TODO:" not in span.of(text)
    for span in places.lines:
        assert any(char.isalnum() for char in span.of(text))
        assert span.of(text).strip() != "end"


@pytest.mark.parametrize("name", FILES)
def test_a_body_is_statements_without_their_brackets(name: str) -> None:
    text = fixture(name)
    for span in found(name, text).bodies:
        body = span.of(text)
        assert body == body.strip()
        assert body.count("{") == body.count("}")
        assert not body.startswith(("{", "}"))


@pytest.mark.parametrize("name", DATA)
def test_data_and_prose_are_cut_at_words_outside_comments(name: str) -> None:
    text = DATA[name]
    places = found(name, text)
    assert len(places.lines) >= 3
    for span in (*places.tokens, *places.lines, *places.bodies):
        assert "not this" not in span.of(text)
    assert all(len(span.of(text).split()) == 1 for span in places.tokens)


@pytest.mark.parametrize(
    ("name", "bodies"),
    [
        ("a.yaml", ["b: one two\n  c: 1"]),
        ("a.json", ["1,\n    2"]),
        ("a.css", ["color: rgb(1, 2, 3);\n  margin: 0 auto;", "top: 0;"]),
        ("a.toml", []),
    ],
)
def test_bodies_of_data_languages_are_found(name: str, bodies: list[str]) -> None:
    spans = found(name, DATA[name]).bodies
    assert [text for text in (each.of(DATA[name]) for each in spans) if text in bodies] == bodies


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in [*DATA.items(), *((name, fixture(name)) for name in FILES)]:
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_only_code_is_cut_unless_a_language_is_named(tree: Path) -> None:
    cases = cut_cases(tree, 60, seed=0)
    assert {Path(case.path).name for case in cases} <= set(FILES)
    assert len({known_of(case.path) for case in cases}) > 5


@pytest.mark.parametrize("known", LANGUAGES[1:], ids=lambda known: known.name)
def test_a_named_language_is_the_only_one(tree: Path, known: Known) -> None:
    chosen = languages_of([known.ids[0]])
    cases = cut_cases(tree, 6, seed=0, kinds=(Kind.LINE_END,), files=Files(chosen))
    assert {known_of(case.path) for case in cases} == {known}
    for case in cases:
        assert case.document(case.truth) == (tree / case.path).read_text("utf-8")


def test_named_languages_come_equally_often(tree: Path) -> None:
    chosen = languages_of(["Rust", "json"])
    cases = cut_cases(tree, 24, seed=0, kinds=(Kind.SPAN,), files=Files(chosen))
    assert [known_of(case.path) for case in cases].count(chosen[0]) == 12


def test_an_unknown_language_is_reported(tree: Path) -> None:
    assert languages_of(["all"]) == LANGUAGES
    with pytest.raises(LanguageError, match="'zig'"):
        languages_of(["zig"])
    with pytest.raises(SourceFileError, match="no Python file"):
        cut_cases(tree, 6, seed=0, files=Files(languages_of(["python"])))
