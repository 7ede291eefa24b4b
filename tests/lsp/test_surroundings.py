"""What the model sees of other files: outlines and edits, stable and within the rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgls.requests import neighbours
from dgls.syntax.imported import imported_files
from dgls.syntax.languages.python import PYTHON
from dgls.syntax.outline import outline
from dgls.syntax.source import Source
from tests.lsp.session import ScriptedFiller, initialized, reply

SHAPES = '''import math

class Shape:
    """Anything."""

    def area(self, scale=1):
        def inner():
            return 1
        return inner()

@decorated
async def load(path):
    return path
'''
ON = {"context": {"chars": 1000}}


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (1000, "class Shape:\n    def area(self, scale=1):\nasync def load(path):\n"),
        (45, "class Shape:\n    def area(self, scale=1):\n"),
        (5, ""),
    ],
)
def test_an_outline_has_the_public_headers(most: int, expected: str) -> None:
    assert outline(Source.parse(SHAPES, PYTHON), most) == expected


def test_imports_resolve_next_to_the_file_or_below_the_roots(tmp_path: Path) -> None:
    for name in ("shapes.py", "pkg/__init__.py", "app/local.py", "app/main.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    text = "import os\nfrom pkg import x\nimport shapes\nfrom .local import y\nimport main\n"
    found = imported_files(Source.parse(text, PYTHON), tmp_path / "app" / "main.py", [tmp_path])

    assert [file.relative_to(tmp_path).as_posix() for file in found] == [
        "pkg/__init__.py",
        "shapes.py",
        "app/local.py",
    ]


async def test_the_engine_gets_imported_and_open_files_and_edits_but_no_secrets(
    filler: ScriptedFiller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine may take long; only the rules matter here.
    monkeypatch.setattr(neighbours, "MAX_MS", 60_000)
    filler.answer = lambda request: reply("1")
    root = tmp_path / "project"
    root.mkdir()
    (root / "shapes.py").write_text(SHAPES)
    (root / "secrets.py").write_text("def password(): ...\n")
    async with initialized(filler, root=root.as_uri(), options=ON) as session:
        here, other = (root / "main.py").as_uri(), (root / "other.py").as_uri()
        await session.open("def helper(x):\n    y = 1\n", uri=other)
        await session.open("PASSWORD = 1\n", uri=(root / "secrets.py").as_uri())
        await session.changed(1, 9, "2", uri=other)
        await session.open("import shapes\nimport secrets\nx = \n", uri=here)
        await session.ask(2, 4, uri=here)
        before = filler.requests[0].snippets
        await session.changed(2, 4, "f(", uri=here)
        await session.ask(2, 6, uri=here)

    assert [(snippet.path, snippet.text) for snippet in before] == [
        ("shapes.py", "class Shape:\n    def area(self, scale=1):\nasync def load(path):\n"),
        ("other.py", "def helper(x):\n"),
        ("other.py", "y = 12"),
    ]
    # Typing does not change the snippets, so the prefix cache stays valid.
    assert all(request.snippets == before for request in filler.requests)


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


HIDES_KEYS = '[privacy]\nsecrets = ["keys.py"]\n'
KEYS = "def hidden_key(x):\n    y = 1\n"
# Files beside `main.py` in the workspace, and the name by which `keys.py` is imported and open.
PRIVATE = {
    "its own folder's settings": ({"sub/dgls.toml": HIDES_KEYS}, "sub/keys.py"),
    "the workspace's settings": (
        {"dgls.toml": HIDES_KEYS, "sub/dgls.toml": "[show]\nautomatic = true\n"},
        "sub/keys.py",
    ),
    "its own folder's .gitignore": (
        {".git/HEAD": "ref: refs/heads/main\n", "sub/.gitignore": "keys.py\n"},
        "sub/keys.py",
    ),
    "a link into a folder that hides it": ({"sub/dgls.toml": HIDES_KEYS}, "plain.py"),
}


@pytest.mark.parametrize("kind", PRIVATE)
async def test_a_file_hidden_by_its_own_rules_is_not_sent(
    filler: ScriptedFiller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(neighbours, "MAX_MS", 60_000)
    filler.answer = lambda request: reply("1")
    files, name = PRIVATE[kind]
    put(tmp_path, {**files, "sub/keys.py": KEYS, "seen.py": KEYS.replace("hidden", "seen")})
    if name == "plain.py":
        (tmp_path / name).symlink_to("sub/keys.py")
    module = name.removesuffix(".py").replace("/", ".")
    async with initialized(filler, root=tmp_path.as_uri(), options=ON) as session:
        here = (tmp_path / "main.py").as_uri()
        await session.open(f"import seen\nimport {module}\nx = \n", uri=here)
        await session.ask(2, 4, uri=here)
        # Now it is open and edited too.
        await session.open(KEYS, uri=(tmp_path / name).as_uri())
        await session.changed(1, 9, "2", uri=(tmp_path / name).as_uri())
        await session.ask(1, 10, uri=(tmp_path / name).as_uri())
        await session.changed(2, 4, "f(", uri=here)
        await session.ask(2, 6, uri=here)

    told = [[snippet.path for snippet in request.snippets] for request in filler.requests]
    assert told == [["seen.py"], ["seen.py"]]


async def test_by_default_no_other_file_is_sent(filler: ScriptedFiller) -> None:
    async with initialized(filler) as session:
        await session.open("def helper(x):\n    y = 1\n", uri="file:///code/project/other.py")
        await session.complete("x = ⟦⟧\n")

    assert filler.requests[0].snippets == ()


async def test_snippets_that_take_too_long_are_left_out(
    filler: ScriptedFiller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "MAX_MS", -1)
    async with initialized(filler, options=ON) as session:
        await session.open("def helper(x):\n    y = 1\n", uri="file:///code/project/other.py")
        await session.complete("x = ⟦⟧\n")

    assert filler.requests[0].snippets == ()
