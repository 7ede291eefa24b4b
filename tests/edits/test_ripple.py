"""The offers after an edit, and where dgls has to be silent."""

from __future__ import annotations

import pytest

from dgls.edits.hunk import remembered
from dgls.edits.ripple import MAX_OFFERS, ripple
from dgls.edits.state import Offer, State
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span


def offers(text: str, *changes: tuple[str, str], path: str = "a.py") -> tuple[Offer, ...]:
    source, hunks = Source.parse(text, language_named("python")), ()
    for old, new in changes:
        at = source.text.index(old)
        edit = Edit(Span(at, at + len(old)), new)
        hunks, source = remembered(hunks, source.text, edit), source.edited([edit])
    return ripple(State(source, hunks, path=path))


CALLS = "def f(a, b):\n    return a\n\n\ndef g(b):\n    f(1)\n    f(2)\n"


@pytest.mark.parametrize(
    ("text", "change", "why"),
    [
        ("def f(old):\n    return old\n", ("old", "new"), "`old` was renamed `new`"),
        (CALLS, ("f(1)", "f(1, b)"), "2nd call of `f`: same argument added"),
        ("import os\n\nx = os.sep\n", ("os.sep", "1"), "`os` is no longer used"),
    ],
)
def test_each_offer_has_its_reason(text: str, change: tuple[str, str], why: str) -> None:
    assert [offer.why for offer in offers(text, change)] == [why]


@pytest.mark.parametrize(
    ("what", "text", "change"),
    [
        ("an undone edit", "def f(old):\n    return old\n", ("old", "old")),
        ("mixed line ends", "def f(old):\r\n    return old\n", ("old", "new")),
        ("a package's exports", "import os\n\nx = os.sep\n", ("os.sep", "1")),
        ("another declaration", "old = 1\nold = 2\nprint(old)\n", ("old", "new")),
    ],
)
def test_silence(what: str, text: str, change: tuple[str, str]) -> None:
    path = "__init__.py" if what.startswith("a package") else "a.py"
    assert offers(text, change, path=path) == ()


def test_two_hundred_places_are_left_to_the_editors_rename() -> None:
    uses = "".join(f"    old({number})\n" for number in range(200))
    assert MAX_OFFERS < 200
    assert offers(f"def f(old):\n{uses}", ("old", "new")) == ()


def test_a_deleted_line_offers_no_other_deletion() -> None:
    text = 'def f():\n    print("a")\n    x()\n\n\ndef g():\n    print("a")\n    x()\n'
    assert offers(text, ('    print("a")\n', "")) == ()


RENAMED = "import os\n\n\ndef f(old):\n    a = old\n    b = 1\n    return old\n\n\nz = 1\n"


@pytest.mark.parametrize(
    ("what", "then", "left"),
    [
        ("nothing else", [], 2),
        ("one of the uses", [("a = old", "a = new")], 1),
        ("an import", [("import os", "import sys")], 2),
        ("another place", [("z = 1", "z = 2")], 0),
    ],
)
def test_editing_another_place_dismisses_the_offers(
    what: str, then: list[tuple[str, str]], left: int
) -> None:
    found = offers(RENAMED, ("f(old)", "f(new)"), *then)
    assert [offer.rule for offer in found] == ["rename"] * left


def test_a_scope_that_already_has_the_new_name_is_left_alone() -> None:
    text = "def f(old, other):\n    new = other\n    return old, new\n"
    assert offers(text, ("f(old", "f(new")) == ()


@pytest.mark.parametrize(
    ("new", "uses", "left"),
    [("other", 4, 4), ("other", 5, 0), ("old_one", 5, 5), ("olds", 5, 5)],
)
def test_a_name_with_many_uses_and_other_words_counts_as_replaced(
    new: str, uses: int, left: int
) -> None:
    text = "def old():\n    pass\n\n\n" + "old()\n" * uses
    assert len(offers(text, ("old", new))) == left


def test_a_changed_word_in_a_string_is_not_a_rename() -> None:
    assert offers('a = "one"\nb = a\n', ('a = "one"', 'c = "two"')) == ()


@pytest.mark.parametrize(
    ("what", "then", "left"),
    [
        ("nothing else", "f(1, b)", 1),
        ("the name, too", "g(1, b)", 0),
    ],
)
def test_an_argument_is_evidence_if_nothing_else_in_the_line_changed(
    what: str, then: str, left: int
) -> None:
    text = "def g(a, b): ...\n" + CALLS
    found = [offer for offer in offers(text, ("f(1)", then)) if offer.rule == "argument"]
    assert len(found) == left


def _body(name: str) -> str:
    return f"def {name}(item):\n    assert isinstance(item, float)\n"


@pytest.mark.parametrize(
    ("what", "new", "left"),
    [("a name of the module", "Kind", 1), ("a local name", "kind", 0)],
)
def test_a_local_name_is_not_offered_outside_its_scope(what: str, new: str, left: int) -> None:
    text = (
        f"Kind = int\n\n\ndef f(item, kind):\n    assert isinstance(item, float)\n\n\n{_body('g')}"
    )
    assert len(offers(text, ("float", new))) == left


@pytest.mark.parametrize(
    ("what", "use", "left"),
    [("no use of the name", "pass", 1), ("a use of it", "print(found)", 0)],
)
def test_a_name_used_elsewhere_keeps_its_binding(what: str, use: str, left: int) -> None:
    body = "    with one_server(MTU) as (found, address):\n        {}\n"
    text = "def f():\n" + body.format("pass") + "\n\ndef g():\n" + body.format(use)
    assert len(offers(text, ("found", "_found"))) == left


def test_a_name_twice_in_a_line_is_ambiguous() -> None:
    text = "a = f(one, one, 1)\nb = f(one, one, 2)\n"
    assert offers(text, ("one, 1", "two, 1")) == ()


def test_a_called_expression_is_not_searched_in_other_files() -> None:
    c = language_named("c")
    text = "void f(void) {\n  (*fn)(1);\n  (*fn)(1);\n}\n"
    source, at = Source.parse(text, c), text.index("(1)") + 2
    edit = Edit(Span(at, at), ", 2")
    hunks = remembered((), text, edit)
    state = State(source.edited([edit]), hunks, path="a.c", others={"b.c": Source.parse(text, c)})
    assert all(not offer.path for offer in ripple(state))


def test_a_key_contained_in_its_holders_name_is_offered() -> None:
    text = 'x = names["first"]\ny = names["first"]\n'
    (offer,) = offers(text, ('first"]\ny', 'name"]\ny'))
    assert offer.text == "name"


@pytest.mark.parametrize(
    ("what", "text", "change", "lines"),
    [
        (
            "an except",
            "try:\n    a()\nexcept B as e:\n    c(e)\nexcept D as e:\n    d(e)\n",
            ("B as e", "B as exc"),
            [3],
        ),
        ("a with", "with a() as b:\n    b.x()\nb.y()\n", ("as b", "as c"), [1, 2]),
        ("a loop", "for i in a:\n    print(i)\n", ("for i", "for x"), [1]),
        ("one of two loops", "for i in a:\n    i()\nfor i in b:\n    i()\n", ("r i", "r x"), []),
        ("a comprehension", "y = i\nx = [i.a for i in b]\n", ("for i", "for c"), [1]),
    ],
)
def test_a_name_bound_by_a_statement_is_renamed_in_its_scope(
    what: str, text: str, change: tuple[str, str], lines: list[int]
) -> None:
    found = [offer for offer in offers(text, change) if offer.rule == "rename"]
    assert [text.count("\n", 0, offer.span.start) for offer in found] == lines


@pytest.mark.parametrize(
    ("what", "call", "added", "found"),
    [
        ("as many", "f(3, 4)", "f(1, 2, 7)", 1),
        ("a named argument is the last", "f(3, k=4)", "f(1, 2, 7)", 0),
        ("a named argument may follow one", "f(3, k=4)", "f(1, 2, j=7)", 1),
        ("a named argument is there already", "f(3, k=4)", "f(1, 2, k=7)", 0),
        ("any number of arguments", "f(3, *x)", "f(1, 2, 7)", 0),
        ("any number of named arguments", "f(3, **x)", "f(1, 2, k=7)", 0),
        ("a generator", "f(x for x in y)", "f(1, 2, 7)", 0),
    ],
)
def test_an_argument_goes_where_it_may(what: str, call: str, added: str, found: int) -> None:
    text = f"def f(a, b, c=0, **d):\n    pass\n\n\nf(1, 2)\n{call}\n"
    assert len(offers(text, ("f(1, 2)", added))) == found
