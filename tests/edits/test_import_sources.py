"""Where a Python import comes from: names that move between modules, files that define one."""

from __future__ import annotations

import pytest

from tests.edits.test_imports import after

ALONE = "from typing import Any\nfrom typing import Iterator\nfrom typing import Sequence\n"
USES = "\n\ndef f(a: Iterator[Any], b: Sequence[Any]) -> None: ...\n"
SEEN = {"pkg/b.py": "from collections.abc import Sequence\n\nx: Sequence[int]\n"}


@pytest.mark.parametrize(
    ("what", "others", "gone", "then"),
    [
        (
            "a name that moved",
            SEEN,
            "from typing import Sequence\n",
            "from collections.abc import Iterator\nfrom collections.abc import Sequence\n"
            "from typing import Any\n",
        ),
        (
            "a name that no file has moved",
            {},
            "from typing import Sequence\n",
            "from typing import Any\nfrom typing import Iterator\n",
        ),
        (
            "a name that the other module lacks",
            SEEN,
            "from typing import Any\n",
            "from typing import Iterator\nfrom typing import Sequence\n",
        ),
    ],
)
def test_after_one_typing_name_moves_the_others_are_offered(
    what: str, others: dict[str, str], gone: str, then: str
) -> None:
    assert after(ALONE + USES, (gone, ""), others=others) == then + USES


def test_a_name_kept_in_an_edited_line_is_not_moved() -> None:
    text = "from typing import Iterator, Sequence\n" + USES
    new = "from collections.abc import Sequence\nfrom typing import Iterator\n"
    assert after(text, (text.splitlines()[0] + "\n", new), others=SEEN) == new + USES


DEFINES = {"src/pkg/_a.py": "ONE = 1\n", "src/pkg/_b.py": "TWO = 2\n"}


@pytest.mark.parametrize(
    ("what", "others", "path", "head", "then"),
    [
        (
            "absolute, like the file's imports",
            DEFINES,
            "tests/test_a.py",
            "from pkg._b import TWO\n",
            "from pkg._a import ONE\nfrom pkg._b import TWO\n",
        ),
        (
            "relative, like the file's imports",
            DEFINES,
            "src/pkg/c.py",
            "from ._b import TWO\n",
            "from ._a import ONE\nfrom ._b import TWO\n",
        ),
        (
            "two files define it",
            DEFINES | {"src/pkg/_d.py": "ONE = 3\n"},
            "src/pkg/c.py",
            "from ._b import TWO\n",
            "from ._b import TWO\n",
        ),
        (
            "a package re-exports it",
            DEFINES | {"src/pkg/__init__.py": "from ._a import ONE\n"},
            "tests/test_a.py",
            "from pkg._b import TWO\n",
            "from pkg._b import TWO\n",
        ),
        (
            "no import shows the style",
            DEFINES,
            "tests/test_a.py",
            "import os\n",
            "import os\n",
        ),
        (
            "further up than the file's imports",
            DEFINES,
            "tests/test_a.py",
            "from .helpers import TWO\n",
            "from .helpers import TWO\n",
        ),
    ],
)
def test_a_name_comes_from_the_one_file_that_defines_it(
    what: str, others: dict[str, str], path: str, head: str, then: str
) -> None:
    text = "\n\nx = 0\ny = TWO, os\n"
    assert after(head + text, ("x = 0", "x = ONE"), others=others, path=path) == then + (
        text.replace("x = 0", "x = ONE")
    )


@pytest.mark.parametrize(
    ("what", "form", "head", "then"),
    [
        (
            "an exported name, imported plainly",
            "from ._a import ONE as ONE\n",
            "from ._b import TWO\n",
            "from ._a import ONE\nfrom ._b import TWO\n",
        ),
        (
            "nothing: it names its own package relatively",
            "from pkg.api import ONE\n",
            "from ._b import TWO\n",
            "from ._b import TWO\n",
        ),
        (
            "another package's name",
            "from others import ONE\n",
            "from others.two import Other\nfrom ._b import TWO\n",
            "from others import ONE\nfrom others.two import Other\nfrom ._b import TWO\n",
        ),
    ],
)
def test_an_import_copied_from_another_file_follows_this_files_style(
    what: str, form: str, head: str, then: str
) -> None:
    text = "\n\nx = 0\ny = TWO, Other\n"
    others = {"src/pkg/d.py": form}
    changed = after(head + text, ("x = 0", "x = ONE"), others=others, path="src/pkg/c.py")
    assert changed == then + text.replace("x = 0", "x = ONE")


def test_a_name_removed_from_a_relative_import_is_not_offered_from_that_package() -> None:
    text = "from pkg import (\n    Old,\n    other,\n)\n\nx = Old, other\n"
    others = {f"pkg/_tests/test_{name}.py": "from .. import Old\n" for name in "bc"}
    changed = after(text, ("    Old,\n", ""), others=others, path="pkg/_tests/test_a.py")
    assert changed == text.replace("    Old,\n", "")


@pytest.mark.parametrize(
    ("what", "change", "is_offered"),
    [
        ("one more use", ("z = 0", "z = Old"), True),
        ("one use fewer", ("y = Old", "y = 1"), False),
        ("as many uses as before", ("y = Old", "Y = Old"), False),
    ],
)
def test_a_passed_over_import_is_offered_again_after_another_use(
    what: str, change: tuple[str, str], is_offered: bool
) -> None:
    text = "from typing import Old\n\nx = Old\ny = Old\nw = 0\nz = 0\n"
    others = {f"pkg/{name}.py": "from news import Old\n" for name in "bc"}
    taken_out = ("from typing import Old\n", "import os\n")
    changed = after(text, taken_out, ("w = 0", "w = 1"), change, others=others)
    assert ("from news import Old\n" in changed) is is_offered
