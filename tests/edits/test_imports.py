"""Python imports after an edit: missing ones, unused ones, and those that stay."""

from __future__ import annotations

import pytest

from dgls.edits.hunk import remembered
from dgls.edits.ripple import ripple
from dgls.edits.state import Offer, State
from dgls.syntax.languages import language_named
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span, apply_edits

PYTHON = language_named("python")


def after(
    text: str,
    *changes: tuple[str, str],
    others: dict[str, str] | None = None,
    path: str = "pkg/a.py",
    language: str = "python",
) -> str:
    """The text after the changes and all offers of imports for it."""
    source, hunks = Source.parse(text, language_named(language)), ()
    for old, new in changes:
        at = source.text.index(old)
        edit = Edit(Span(at, at + len(old)), new)
        hunks, source = remembered(hunks, source.text, edit), source.edited([edit])
    rest = {name: Source.parse(each, PYTHON) for name, each in (others or {}).items()}
    offers = ripple(State(source, hunks, rest, path))
    own = [Edit(o.span, o.text) for o in offers if o.rule == "import" and not o.path]
    return apply_edits(source.text, own)


@pytest.mark.parametrize(
    ("what", "head", "then"),
    [
        ("a statement", "import gone\nimport sys\n", "import sys\n"),
        ("one of two modules", "import gone, sys\n", "import sys\n"),
        ("one of a list", "from a import b, gone, sys\n", "from a import b, sys\n"),
        ("an alias", "from a import b as gone, sys\n", "from a import sys\n"),
        ("a module's alias", "import a.b as gone\nimport sys\n", "import sys\n"),
        ("a dotted module", "import gone.b\nimport sys\n", "import sys\n"),
        (
            "a line of a list",
            "from a import (\n    gone,\n    sys,\n)\n",
            "from a import (\n    sys,\n)\n",
        ),
        ("a list in brackets", "from a import (gone, sys)\n", "from a import (sys)\n"),
        (
            "for types",
            "if TYPE_CHECKING:\n    from a import gone\n    import sys\n",
            "if TYPE_CHECKING:\n    import sys\n",
        ),
        ("a separate group", "import os\n\nimport gone\n\n\n", "import os\n\n\n"),
    ],
)
def test_removing_the_last_use_removes_the_import(what: str, head: str, then: str) -> None:
    text = "\nx = gone.y(sys, b, os)\n"
    changed = after(head + text, ("gone.y", "z"))
    assert changed == then + text.replace("gone.y", "z")


@pytest.mark.parametrize(
    ("what", "head", "path"),
    [
        ("exports of a package", "import gone\n", "pkg/__init__.py"),
        ("a stub", "import gone\n", "a.pyi"),
        ("a comment that keeps it", "import gone  # noqa: F401\n", "a.py"),
        ("an entry of __all__", 'import gone\n__all__ = ["gone"]\n', "a.py"),
        ("a future import", "from __future__ import gone\n", "a.py"),
        ("an export by alias", "from a import gone as gone\n", "a.py"),
        ("an annotation in quotes", 'import gone\ny: "gone.T" = 1\n', "a.py"),
        ("another statement on the line", "import gone; z = 1\n", "a.py"),
        ("another use", "import gone\ngone()\n", "a.py"),
        ("a fallback", "try:\n    import gone\nexcept ImportError:\n    pass\n", "a.py"),
        ("the last of its block", "if TYPE_CHECKING:\n    import gone\n", "a.py"),
        ("a text that does not parse", "import gone\n)(\n", "a.py"),
    ],
)
def test_an_import_is_kept(what: str, head: str, path: str) -> None:
    text = f"{head}\nx = gone.y\n"
    assert after(text, ("= gone.y", "= 1"), path=path) == text.replace("= gone.y", "= 1")


@pytest.mark.parametrize(
    ("language", "head", "then"),
    [
        ("typescript", 'import { a, gone } from "./m";\n', 'import { a } from "./m";\n'),
        ("javascript", 'import { b as gone, a } from "m";\n', 'import { a } from "m";\n'),
        ("rust", "use std::{fs, gone, io};\n", "use std::{fs, io};\n"),
        ("rust", "use std::{fs, gone};\n", "use std::fs;\n"),
        ("rust", "use std::io::{self, gone};\n", "use std::io::{self};\n"),
    ],
)
def test_an_unused_name_of_an_import_list_in_other_languages(
    language: str, head: str, then: str
) -> None:
    changed = after(f"{head}\nf(gone);\n", ("f(gone)", "f(1)"), language=language)
    assert changed == f"{then}\nf(1);\n"


def test_a_name_in_a_comment_or_string_is_not_a_use() -> None:
    text = 'import gone\n\nx = gone.y  # gone?\nz = "it is gone, you see"\n'
    assert after(text, ("gone.y", "1")).startswith("\nx = 1")


OTHERS = {
    "pkg/b.py": "import sys\nfrom typing import Any, Wanted\n\nfrom ._near import near\n",
    "pkg/c.py": "import email.message\nimport json as js\nimport sys\nfrom typing import Any\n",
    "pkg/_near.py": "class Other: ...\n\n\ndef near(): ...\n",
}


@pytest.mark.parametrize(
    ("what", "head", "new", "then"),
    [
        (
            "into a list",
            "from typing import Any, cast\n",
            "Wanted(1)",
            "from typing import Any, Wanted, cast\n",
        ),
        (
            "into lines",
            "from typing import (\n    Any,\n    cast,\n)\n",
            "Wanted(1)",
            "from typing import (\n    Any,\n    Wanted,\n    cast,\n)\n",
        ),
        (
            "a new line",
            "import os\nimport re\n",
            "Wanted(1)",
            "import os\nimport re\nfrom typing import Wanted\n",
        ),
        (
            "an alias",
            "import os\nimport re\n",
            "js.f()",
            "import json as js\nimport os\nimport re\n",
        ),
        ("a module of Python", "import re\n", "abc.f()", "import abc\nimport re\n"),
        (
            "a module in a package of Python",
            "import re\n",
            "urllib.parse.quote(xml.etree.ElementTree.tostring(1))",
            "import re\nimport urllib.parse\nimport xml.etree.ElementTree\n",
        ),
        ("two of them", "import re\n", "urllib.parse.x, urllib.error.y", "import re\n"),
        (
            "one imported elsewhere",
            "import re\n",
            "email.utils.f()",
            "import email.utils\nimport re\n",
        ),
        (
            "a relative one",
            "import os\n\nfrom .a import b\n",
            "near()",
            "import os\n\nfrom ._near import near\nfrom .a import b\n",
        ),
        (
            "a new part of the head",
            "import os\n",
            "near()",
            "import os\n\nfrom ._near import near\n",
        ),
        (
            "a name of an imported module",
            "from ._near import near\n",
            "Other()",
            "from ._near import Other, near\n",
        ),
        ("a builtin", "import os\n", "len(1)", "import os\n"),
        ("a name imported nowhere", "import os\n", "unknown(1)", "import os\n"),
        ("after a star import", "from os import *\n", "Wanted(1)", "from os import *\n"),
        (
            "an unsorted list",
            "from typing import cast, Any\n",
            "Wanted(1)",
            "from typing import cast, Any\n",
        ),
    ],
)
def test_a_needed_import_is_offered(what: str, head: str, new: str, then: str) -> None:
    text = "\nx = 0\n"
    assert after(head + text, ("0", new), others=OTHERS) == then + text.replace("0", new)


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("a parameter", "def f(Wanted):\n    return 0\n"),
        ("a local name", "Wanted = 1\nx = 0\n"),
        ("a loop", "for a, Wanted in y:\n    x = 0\n"),
        ("an earlier use", "x = 0\ny = Wanted\n"),
    ],
)
def test_a_name_bound_or_imported_otherwise_needs_no_import(what: str, body: str) -> None:
    head = "from typing import Any\n\n"
    assert after(head + body, ("0", "Wanted"), others=OTHERS).startswith(head)


@pytest.mark.parametrize(
    ("what", "lines", "new", "goes"),
    [
        ("a long passage is rewritten", 12, "z = 1\n", False),
        ("a short one is", 11, "z = 1\n", True),
        ("a long one is deleted", 12, "", True),
    ],
)
def test_imports_used_only_in_a_long_rewritten_passage_are_kept(
    what: str, lines: int, new: str, goes: bool
) -> None:
    body = "y = os.sep\n" * lines
    assert ("import os\n" not in after("import os\n\nx = 1\n" + body, (body, new))) is goes


def test_with_two_forms_of_an_import_neither_is_offered() -> None:
    others = {"pkg/b.py": "from one import Wanted\n", "pkg/c.py": "from two import Wanted\n"}
    text = "import os\n\nx = 0\n"
    assert after(text, ("0", "Wanted"), others=others) == text.replace("0", "Wanted")


@pytest.mark.parametrize(("top", "typing", "is_offered"), [(3, 1, True), (2, 1, False)])
def test_a_name_imported_only_for_types_is_not_offered_at_the_top(
    top: int, typing: int, is_offered: bool
) -> None:
    block = "if TYPE_CHECKING:\n    from one import Wanted\n"
    files = ["from one import Wanted\n"] * top + [block] * typing
    others = {f"pkg/{number}.py": each for number, each in enumerate(files)}
    changed = after("import os\n\nx = 0\n", ("0", "Wanted"), others=others)
    assert ("from one" in changed) is is_offered


def test_a_name_just_removed_from_a_module_is_not_offered_from_it() -> None:
    others = {"pkg/b.py": "import datetime\n", "pkg/c.py": "import datetime\n"}
    text = "import os\nfrom datetime import datetime, timezone\n\nx = datetime.now(timezone)\n"
    changed = after(text, ("datetime, timezone", "timezone"), others=others)
    assert "import datetime\n" not in changed


def test_a_name_that_left_one_module_joins_the_other() -> None:
    others = {"pkg/b.py": "from typing import Call\n", "pkg/c.py": "from abc import Call\n"}
    text = "from abc import Any\nfrom typing import Call, cast\n\nx = Call\n"
    changed = after(text, ("Call, cast", "cast"), others=others)
    assert changed == "from abc import Any, Call\nfrom typing import cast\n\nx = Call\n"


def test_a_name_imported_from_elsewhere_leaves_the_old_module() -> None:
    text = "from abc import Any\nfrom typing import Call, cast\n\nx = Call\n"
    changed = after(text, ("import Any", "import Any, Call"))
    assert changed == "from abc import Any, Call\nfrom typing import cast\n\nx = Call\n"


def test_two_modules_of_a_package_are_both_kept() -> None:
    text = "import a.b\n\nx = a.b\n"
    assert after(text, ("import a.b\n", "import a.b\nimport a.c\n")).startswith("import a.b\n")


def moved(text: str, other: str, path: str, change: tuple[str, str]) -> list[Offer]:
    source, (old, new) = Source.parse(text, PYTHON), change
    edit = Edit(Span(text.index(old), text.index(old) + len(old)), new)
    state = State(
        source.edited([edit]),
        remembered((), text, edit),
        {path: Source.parse(other, PYTHON)},
        "pkg/a.py",
    )
    return [offer for offer in ripple(state) if offer.path]


@pytest.mark.parametrize(
    ("what", "text", "other", "path", "new"),
    [
        ("the same name", "from a.b import X\n", "from a.b import X\n", "x.py", ["a.c"]),
        ("one of the names", "from a.b import X, Y\n", "from a.b import Y\n", "x.py", ["a.c"]),
        ("another name", "from a.b import X\n", "from a.b import Z\n", "x.py", []),
        ("some other names too", "from a.b import X\n", "from a.b import X, Z\n", "x.py", []),
        ("relative, near", "from .a.b import X\n", "from .a.b import X\n", "pkg/x.py", [".a.c"]),
        ("relative, far", "from .a.b import X\n", "from .a.b import X\n", "x.py", []),
    ],
)
def test_a_moved_module_is_followed(
    what: str, text: str, other: str, path: str, new: list[str]
) -> None:
    assert [offer.text for offer in moved(text, other, path, ("a.b", "a.c"))] == new
