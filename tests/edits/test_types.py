"""Types written in a newer form: what is offered for the others, and what is not."""

from __future__ import annotations

import pytest

from dgls.edits.hunk import remembered
from dgls.edits.ripple import ripple
from dgls.edits.state import Offer, State
from dgls.edits.type_forms import BUILTIN, DEFAULT, UNION, UNQUOTED, respelled, written
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span

PYTHON = language_named("python")
FUTURE = "from __future__ import annotations\n"


@pytest.mark.parametrize(
    ("form", "old", "new"),
    [
        (BUILTIN, "x: List[Tuple[int, ...]]", "x: list[tuple[int, ...]]"),
        (BUILTIN, "x: t.Dict[str, typing.Type[A]]", "x: dict[str, type[A]]"),
        (BUILTIN, "x: Optional[List[int]]", "x: Optional[list[int]]"),
        (BUILTIN, "x: MyList[int], y: a.List[int]", "x: MyList[int], y: a.List[int]"),
        (
            UNION,
            "def f(a: Optional[int]) -> Union[A, B[C, D]]:",
            "def f(a: int | None) -> A | B[C, D]:",
        ),
        (UNION, 'x: Optional["Row"]', 'x: Optional["Row"]'),
        (UNION, 'x: "Optional[Row]"', 'x: "Row | None"'),
        (UNION, "x: Optional[", "x: Optional["),
        (DEFAULT, "def f() -> Generator[int, None, None]:", "def f() -> Generator[int]:"),
        (DEFAULT, "def f() -> Generator[int, None, str]:", "def f() -> Generator[int, None, str]:"),
        (UNQUOTED, 'def f(a: "Row") -> "list[Row]":', "def f(a: Row) -> list[Row]:"),
        (UNQUOTED, 'x: "two words" = """a"""', 'x: "two words" = """a"""'),
        (UNQUOTED, 'x: Literal["a"], y: "A"', 'x: Literal["a"], y: A'),
        (UNQUOTED, 'x: Annotated[A, "b"] = None', 'x: Annotated[A, "b"] = None'),
    ],
)
def test_a_line_is_rewritten_in_the_newer_form(form: str, old: str, new: str) -> None:
    assert respelled(old, {form}) == new


@pytest.mark.parametrize(
    ("before", "after", "forms"),
    [
        ("x: Optional[int]", "x: int | None", {UNION}),
        ("x: Optional[List[int]]", "x: list[int] | None", {UNION, BUILTIN}),
        ("x: Optional[List[int]]", "x: Optional[list[int]]", {BUILTIN}),
        ("x: Optional[int]", "x: int", set()),
        ("x: List[int], y: List[str]", "x: list[int], y: List[str]", set()),
    ],
)
def test_the_forms_written_by_an_edit_are_found(before: str, after: str, forms: set[str]) -> None:
    assert written(before, after) == forms


def offers(
    text: str, *changes: tuple[str, str], others: dict[str, str] | None = None
) -> list[Offer]:
    source, hunks = Source.parse(text, PYTHON), ()
    for old, new in changes:
        at = source.text.index(old)
        edit = Edit(Span(at, at + len(old)), new)
        hunks, source = remembered(hunks, source.text, edit), source.edited([edit])
    rest = {path: Source.parse(each, PYTHON) for path, each in (others or {}).items()}
    found = ripple(State(source, hunks, rest, "pkg/a.py"))
    return [offer for offer in found if offer.rule in {"type", "import"}]


EDIT = ("a: Optional[int]", "a: int | None")
EDITED = "def f(a: Optional[int]): ...\n"


@pytest.mark.parametrize(
    ("what", "line", "new"),
    [
        ("another annotation", "def g(b: Optional[str]): ...\n", ["str | None"]),
        (
            "two of a line",
            "def g(b: Optional[A], c: Optional[B]): ...\n",
            ["A | None, c: B | None"],
        ),
        ("an alias", "Name = Optional[str]\n", []),
        ("a comment", "x = 1  # Optional[str]\n", []),
        ("prose", 'x = "Optional[str] or not"\n', []),
        ("another old form in the line", "def g(b: Optional[List[int]]): ...\n", []),
    ],
)
def test_the_same_form_is_offered(what: str, line: str, new: list[str]) -> None:
    assert [offer.text for offer in offers(EDITED + line, EDIT)] == new


@pytest.mark.parametrize(
    ("what", "text", "count"),
    [
        ("a method", "class B:\n    def list(self): ...\n    def g(self, b: List[str]): ...\n", 0),
        ("another class's", "class B:\n    def list(self): ...\ndef g(b: List[str]): ...\n", 1),
        ("a variable", "list = 1\ndef g(b: List[str]): ...\n", 0),
        ("a parameter of another", "def h(list): ...\ndef g(b: List[str]): ...\n", 1),
    ],
)
def test_a_builtin_that_is_another_name_there_is_not_offered(
    what: str, text: str, count: int
) -> None:
    found = offers("def f(a: List[int]): ...\n" + text, ("a: List[int]", "a: list[int]"))
    assert [each.text for each in found] == ["list[str]"] * count


def test_an_alias_is_offered_after_another_one() -> None:
    text = "Name = Optional[str]\nOther = Optional[int]\n"
    assert [each.text for each in offers(text, ("Optional[str]", "str | None"))] == ["int | None"]


@pytest.mark.parametrize(("head", "count"), [(FUTURE, 1), ("import os\n", 0)])
def test_quotes_are_dropped_only_if_annotations_are_not_evaluated(head: str, count: int) -> None:
    text = head + '\n\ndef f(a: "Row"): ...\ndef g(b: "Row"): ...\n'
    found = [each for each in offers(text, ('a: "Row"', "a: Row")) if each.rule == "type"]
    assert [each.text for each in found] == ["Row"] * count


def test_types_without_their_import_are_rewritten() -> None:
    text = "from typing import Dict, List\n\n\ndef f(a: List[int], b: Dict[int, int]): ...\n"
    text += "x = List[str]\n"
    found = offers(text, ("Dict, List", "Dict"))
    assert [each.text for each in found] == ["list[int]", "list[str]"]


def test_an_edit_elsewhere_dismisses_the_forms() -> None:
    text = EDITED + "def g(b: Optional[str]): ...\nz = 1\n"
    assert offers(text, EDIT, ("z = 1", "z = 2")) == []


@pytest.mark.parametrize(
    ("what", "others", "count"),
    [
        ("all others need it", [FUTURE + "x: int | None = 1\n"] * 2, 1),
        ("one file without it", [FUTURE + "x: int | None = 1\n"] * 2 + ["x: int | None = 1\n"], 0),
        ("no file has such types", [FUTURE] * 3, 0),
    ],
)
def test_the_future_import_is_offered_if_types_need_it(
    what: str, others: list[str], count: int
) -> None:
    rest = {f"pkg/{number}.py": each for number, each in enumerate(others)}
    found = offers("import os\n\nos.x\n\n\n" + EDITED, EDIT, others=rest)
    assert [each.text for each in found] == [FUTURE + "\n"] * count
