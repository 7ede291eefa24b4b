"""Languages of data or prose: no scopes, but the same care around the cursor."""

from __future__ import annotations

import pytest

from dgls.policy.ask import lines_wanted
from dgls.syntax.cursor import Budget, context_at
from dgls.syntax.guard import keeps_syntax
from dgls.syntax.holes import holes
from dgls.syntax.languages import known_of, language_of
from dgls.syntax.outline import outline
from dgls.syntax.scopes import enclosing_scopes
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span

FILES = {
    "a.md": "# Title\n\n- item\n  - deeper\n    - ⟨here⟩more\n",
    "a.html": "<html>\n<body>\n  <ul>\n    <li>⟨here⟩one</li>\n  </ul>\n</body>\n</html>\n",
    "a.css": "@media print {\n  a:hover {\n    color: ⟨here⟩red;\n  }\n}\n",
    "a.sql": "CREATE TABLE a (\n    id int,\n    ⟨here⟩name text\n);\nSELECT id FROM a;\n",
    "a.yaml": "jobs:\n  build:\n    steps:\n      - run: ⟨here⟩make\n",
    "a.toml": '[tool.a]\nname = "⟨here⟩b"\n[tool.b]\nwide = [1, 2]\n',
    "a.json": '{\n  "a": {\n    "b": [1, ⟨here⟩2]\n  }\n}\n',
}
each_file = pytest.mark.parametrize("file", FILES)


def read(file: str) -> tuple[Source, int]:
    before, _, after = FILES[file].partition("⟨here⟩")
    return Source.parse(before + after, language_of(file)), len(before)


@each_file
def test_a_file_parses_and_has_no_scopes(file: str) -> None:
    source, cursor = read(file)
    assert not source.tree.root_node.has_error
    assert enclosing_scopes(source, cursor) == ()
    assert outline(source, 1_000) == ""
    assert holes(source) == ()


@pytest.mark.parametrize(
    ("file", "broken"),
    [
        ("a.html", "<ul><"),
        ("a.css", "}}"),
        ("a.sql", "(("),
        ("a.yaml", "[1, "),
        ("a.toml", '"""'),
        ("a.json", "}"),
    ],
)
def test_the_guard_detects_a_fill_that_breaks_the_file(file: str, broken: str) -> None:
    source, cursor = read(file)
    assert not keeps_syntax(source, [Edit(Span(cursor, cursor), broken)])


@pytest.mark.parametrize(
    ("file", "header"),
    [
        ("a.md", "- item"),
        ("a.html", "<body>"),
        ("a.css", "@media print {"),
        ("a.yaml", "jobs:"),
        ("a.json", '  "a": {'),
    ],
)
def test_a_cut_long_file_keeps_what_encloses_the_cursor(file: str, header: str) -> None:
    source, cursor = read(file)
    line = source.text.rindex("\n", 0, cursor) + 1
    own = source.text[line:].partition("\n")[0]
    filler = (own + "\n") * 60
    long = Source.parse(source.text[:line] + filler + source.text[line:], source.language)
    at = cursor + len(filler)
    context = context_at(long, [Span(at, at)], Budget(prefix_chars=500, suffix_chars=100, head=0.5))
    assert header in context.head.split("\n")


@pytest.mark.parametrize(
    ("file", "line", "opens"),
    [
        ("a.md", "- item", False),
        ("a.html", "<div class='a'>", True),
        ("a.html", "<br>", False),
        ("a.html", "</div>", False),
        ("a.css", "a:hover {", True),
        ("a.css", "color: red;", False),
        ("a.sql", "CREATE TABLE a (", True),
        ("a.sql", "id int,", False),
        ("a.yaml", "steps:", True),
        ("a.yaml", "run: make", False),
        ("a.toml", "[tool.a]", True),
        ("a.toml", "wide = [1, 2]", False),
        ("a.json", '"a": {', True),
        ("a.json", '"a": 1,', False),
    ],
)
def test_several_lines_are_requested_only_where_a_block_opens(
    file: str, line: str, opens: bool
) -> None:
    opener = language_of(file).block_opener
    assert lines_wanted(f"{line}\n  ", "", opener, 5) == (5 if opens else 1)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.css", "a {\n  /* TODO: shadow */\n  color: red;\n}\n"),
        ("a.sql", "-- TODO: index\nSELECT 1;\n"),
        ("a.yaml", "a:\n  # TODO: more\n  b: 1\n"),
        ("a.toml", "[a]\n# TODO: more\nb = 1\n"),
    ],
)
def test_a_todo_can_be_filled(file: str, text: str) -> None:
    (hole,) = holes(Source.parse(text, language_of(file)))
    assert hole.title.startswith("Fill in: TODO")


@pytest.mark.parametrize(
    ("path", "name"),
    [("Cargo.lock", "TOML"), ("a.YML", "YAML"), ("a.jsonc", "JSON"), ("README.md", "Markdown")],
)
def test_data_languages_are_known_by_their_names(path: str, name: str) -> None:
    known = known_of(path)
    assert known is not None
    assert known.name == name
