"""In each language: the scopes around a cursor, its holes, its imports, and what breaks it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from dgls.policy.ask import lines_wanted
from dgls.syntax.cursor import Budget, context_at
from dgls.syntax.guard import keeps_syntax
from dgls.syntax.holes import holes, opened
from dgls.syntax.imported import imported_files
from dgls.syntax.languages import language_of
from dgls.syntax.outline import outline
from dgls.syntax.scopes import enclosing_scopes
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span
from tests.support.marks import cursor_of

FOLDER = Path(__file__, "../../../fixtures/languages").resolve()


@dataclass(frozen=True)
class Example:
    """The facts about one fixture; every language's fixture is an account with the same methods.

    `value` is an expression that fits at the cursor, `statement` fits in any hole. `header` is the
    line of the method around the cursor.
    """

    file: str
    scopes: list[str]
    holes: list[str]
    value: str
    statement: str
    header: str
    imports: str = ""

    def read(self) -> tuple[Source, int]:
        """The source, and the cursor in it."""
        text, cursor = cursor_of((FOLDER / self.file).read_text("utf-8"))
        return Source.parse(text, language_of(self.file)), cursor


ALL = ["Fill the body of `total`", "Fill the body of `rename`", "Fill in: TODO: tell the owner"]
SUM = "this.balance + amount"
EXAMPLES = [
    Example(
        "account.js", ["Account", "deposit"], ALL, SUM, "return;", "  deposit(amount) {", "money.js"
    ),
    Example(
        "account.ts",
        ["Account", "deposit"],
        ALL,
        SUM,
        "return;",
        "  deposit(amount: number): number {",
        "money.ts",
    ),
    Example(
        "account.tsx",
        ["Account", "deposit"],
        ALL,
        SUM,
        "return;",
        "  deposit(amount: number): number {",
        "money.tsx",
    ),
    Example(
        "account.rs",
        ["Account", "deposit"],
        ALL,
        "self.balance + amount",
        "return;",
        "    pub fn deposit(&mut self, amount: i64) -> i64 {",
        "money.rs",
    ),
    Example(
        "account.go",
        ["deposit"],
        ALL,
        "account.Balance + amount",
        "return",
        "func (account *Account) deposit(amount int) int {",
    ),
    Example(
        "Account.java",
        ["Account", "deposit"],
        ALL,
        SUM,
        "return;",
        "    public long deposit(long amount) {",
        "bank/Money.java",
    ),
    Example(
        "account.c",
        ["deposit"],
        ["Fill the body of `rename_owner`", ALL[2]],
        "account->balance + amount",
        "return;",
        "long deposit(struct account *account, long amount)",
        "money.h",
    ),
    Example(
        "account.cpp",
        ["bank", "Account", "deposit"],
        ALL,
        "balance_ + amount",
        "return;",
        "    long deposit(long amount) {",
        "money.hpp",
    ),
    Example(
        "Account.cs",
        ["Bank", "Account", "Deposit"],
        ["Fill the body of `Total`", "Fill the body of `Rename`", ALL[2]],
        "balance + amount",
        "return;",
        "        public long Deposit(long amount)",
    ),
    Example(
        "account.rb",
        ["Bank", "Account", "deposit"],
        ALL,
        "@balance + amount",
        "return",
        "    def deposit(amount)",
        "money.rb",
    ),
    Example(
        "account.php",
        ["Account", "deposit"],
        ALL,
        "$this->balance + $amount",
        "return;",
        "    public function deposit(int $amount): int",
        "money.php",
    ),
    Example(
        "Account.kt",
        ["Account", "deposit"],
        ALL,
        "balance + amount",
        "return",
        "    fun deposit(amount: Long): Long {",
        "bank/Money.kt",
    ),
    Example(
        "account.lua",
        ["Account:deposit"],
        ["Fill the body of `Account.total`", "Fill the body of `Account:rename`", ALL[2]],
        "self.balance + amount",
        "do return end",
        "function Account:deposit(amount)",
        "money.lua",
    ),
    Example(
        "account.sh",
        ["deposit"],
        ALL[1:],
        "$((balance + amount))",
        "return",
        "deposit() {",
        "money.sh",
    ),
]
each_language = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.file)


@each_language
def test_the_fixture_parses_once_the_gap_is_filled(example: Example) -> None:
    source, cursor = example.read()
    filled = source.edited([Edit(Span(cursor, cursor), example.value)])
    assert not filled.tree.root_node.has_error


@each_language
def test_the_scopes_around_the_cursor(example: Example) -> None:
    source, cursor = example.read()
    filled = source.edited([Edit(Span(cursor, cursor), example.value)])
    assert [scope.name for scope in enclosing_scopes(filled, cursor + 1)] == example.scopes


@each_language
def test_holes_are_found_and_a_statement_in_each_keeps_the_syntax(example: Example) -> None:
    source, cursor = example.read()
    source = source.edited([Edit(Span(cursor, cursor), example.value)])
    found = holes(source)
    assert [hole.title for hole in found] == example.holes
    for hole in found:
        laid_open, gap = opened(source, hole)
        line = laid_open.text[: gap.start].rpartition("\n")[2]
        deposit = next(text for text in source.text.split("\n") if text == example.header)
        assert not line.strip(), "a statement gets a line of its own"
        assert len(line) > len(deposit) - len(deposit.lstrip()), "deeper than its header"
        filled = source.edited([hole.edit(example.statement)])
        assert not filled.tree.root_node.has_error, filled.text


@each_language
def test_the_guard_accepts_a_fitting_fill_and_refuses_another(example: Example) -> None:
    source, cursor = example.read()
    gap = Span(cursor, cursor)
    assert keeps_syntax(source, [Edit(gap, example.value)])
    sound = source.edited([Edit(gap, example.value)])
    assert not keeps_syntax(sound, [Edit(Span(cursor, cursor + len(example.value)), "((")])


@each_language
def test_a_cut_long_file_keeps_what_encloses_the_cursor(example: Example) -> None:
    source, cursor = example.read()
    unit = source.text[:cursor].rpartition("\n")[2]
    indent = unit[: len(unit) - len(unit.lstrip())]
    filler = "".join(f"{indent}{example.statement}\n" for _ in range(60))
    line = source.text.rindex("\n", 0, cursor) + 1
    long = Source.parse(source.text[:line] + filler + source.text[line:], source.language)
    at = cursor + len(filler)
    context = context_at(long, [Span(at, at)], Budget(prefix_chars=500, suffix_chars=100, head=0.5))
    assert example.header in context.head.split("\n")


@each_language
def test_the_outline_names_the_methods(example: Example) -> None:
    source, cursor = example.read()
    filled = source.edited([Edit(Span(cursor, cursor), example.value)])
    lines = outline(filled, 2_000).split("\n")
    assert example.header.removesuffix(" {") in [line.removesuffix(" {") for line in lines]


@pytest.mark.parametrize(
    "example", [each for each in EXAMPLES if each.imports], ids=lambda example: example.file
)
def test_an_import_resolves_to_the_local_file(example: Example, tmp_path: Path) -> None:
    imported = tmp_path / example.imports
    imported.parent.mkdir(exist_ok=True)
    imported.write_text("")
    source, _ = example.read()
    assert list(imported_files(source, tmp_path / "src" / example.file, [tmp_path])) == [imported]


@pytest.mark.parametrize(
    ("file", "line", "opens"),
    [
        ("a.js", "if (x) {", True),
        ("a.js", "items.map((x) => {", True),
        ("a.js", "f(x);", False),
        ("a.ts", "class A { // why", True),
        ("a.rs", "match x {", True),
        ("a.go", "for {", True),
        ("a.rb", "items.each do |x|", True),
        ("a.rb", "if x", True),
        ("a.rb", "x = 1 if y", False),
        ("a.rb", "def f = 1 end", False),
        ("a.lua", "if x then", True),
        ("a.lua", "local f = function(a)", True),
        ("a.lua", "local x = 1", False),
        ("a.sh", "if true; then", True),
        ("a.sh", "echo done", False),
        ("a.kt", "items.map { x ->", True),
        ("a.php", "if ($x) {", True),
    ],
)
def test_several_lines_are_requested_only_where_a_block_opens(
    file: str, line: str, opens: bool
) -> None:
    opener = language_of(file).block_opener
    assert lines_wanted(f"{line}\n  ", "", opener, 5) == (5 if opens else 1)


@pytest.mark.parametrize(
    ("file", "text", "filled"),
    [
        ("a.js", "function f() {}\n", "function f() {\n    x\n}\n"),
        ("a.js", "  const f = () => { };\n", "  const f = () => {\n    x\n  };\n"),
        ("a.js", "function f() { // why\n}\n", "function f() { // why\n    x\n}\n"),
        ("a.c", "int f(void)\r\n{\r\n}\r\n", "int f(void)\r\n{\r\n    x\r\n}\r\n"),
        ("a.go", "func f() {\n\n}\n", "func f() {\n    x\n}\n"),
        ("a.go", "type T struct {\n\tx int\n}\nfunc f() {}\n", None),
        ("a.rb", "class A\n  def f(a)\n  end\nend\n", "class A\n  def f(a)\n    x\n  end\nend\n"),
        ("a.rb", "def f\n  # why\nend\n", "def f\n  # why\n  x\nend\n"),
        ("a.lua", "local f = function() end\n", "local f = function()\n    x\nend\n"),
    ],
)
def test_an_empty_body_is_opened_for_a_fill(file: str, text: str, filled: str | None) -> None:
    source = Source.parse(text, language_of(file))
    (hole,) = holes(source)
    assert source.edited([hole.edit("x")]).text == (
        filled or "type T struct {\n\tx int\n}\nfunc f() {\n\tx\n}\n"
    )
