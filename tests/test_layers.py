"""The layers of `docs/architecture.md`: which package may import which, or a heavy library."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "dgls"

# Which layers each layer may import, including imports inside functions and for types only. Lower
# layers know only what is below them; all may import `ground`.
GROUND = {
    "allocator",
    "errors",
    "logistic",
    "protocol",
    "protocol_json",
    "text",
    "files",
    "imports",
    "openmp",
    "patterns",
    "globs",
    "counts",
}
KNOWS = {
    "cli": (
        "edits lab.bench lab.training lab.evaluation requests editors doctor lsp policy "
        "engine client fill rendezvous checkpoint network sound syntax config file_lock"
    ),
    "lab.bench": (
        "lab.evaluation requests editors policy engine client fill inference checkpoint "
        "network diffusion sound syntax config"
    ),
    "lab.training": "lab.evaluation requests inference checkpoint network canvas syntax file_lock",
    "lab.evaluation": "edits requests engine fill inference checkpoint canvas sound syntax config",
    "edits": "syntax",
    "requests": "policy sound syntax config",
    "editors": "",
    "doctor": "client editors fill rendezvous checkpoint config file_lock",
    "lsp": "edits requests policy client checkpoint sound syntax config",
    "policy": "sound syntax",
    "engine": (
        "requests fill rendezvous inference checkpoint network canvas sound syntax config file_lock"
    ),
    "client": "rendezvous config file_lock",
    "fill": "inference checkpoint network diffusion canvas sound syntax",
    "rendezvous": "checkpoint config",
    "inference": "checkpoint network diffusion canvas",
    "checkpoint": "network canvas config file_lock",
    "network": "diffusion",
    "diffusion": "",
    "canvas": "sound syntax",
    "sound": "syntax",
    "syntax": "",
    "config": "",
    "file_lock": "",
}

# The only layers that may use a library; the others reach it through them.
OWNERS = {
    "pygls": {"lsp"},
    "lsprotocol": {"lsp"},
    "transformers": {"checkpoint", "network", "lab.training"},
    "torch": {
        "fill",
        "engine",
        "checkpoint",
        "network",
        "inference",
        "diffusion",
        "lab.training",
        "lab.evaluation",
        "lab.bench",
        "cli",
    },
    "tree_sitter": {"syntax", "sound", "edits", "lab.evaluation"},
    "tokenizers": {"fill", "inference", "checkpoint", "lab.training"},
    "safetensors": {"checkpoint", "lab.training"},
    "starlette": {"engine"},
    "uvicorn": {"engine"},
    "prometheus_client": {"engine", "lab.bench"},
    "jinja2": {"checkpoint"},
    "httpx": {"engine", "checkpoint", "lab.evaluation"},
    "rich": {"cli", "lab.evaluation"},
    "typer": {"cli"},
}

MAX_LINES = 3_500
LINES_WITH_REASON = 2_500
"""Lines of Python in a folder, without its subfolders."""

LIGHT = ("dgls.lsp.main", "dgls.client", "dgls.protocol", "dgls.syntax.cursor", "dgls.policy.show")
LIGHT = (
    *LIGHT,
    "dgls.doctor.examination",
    "dgls.editors.guides",
    "dgls.editors.check",
    "dgls.cli.editor",
    "dgls.canvas.chat",
    "dgls.canvas.infill",
    "dgls.syntax.holes",
    "dgls.config",
    "dgls.checkpoint.store",
    "dgls.checkpoint.machine_fit",
)


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def room_of(names: Sequence[str]) -> str:
    """The layer of a module, from the names below `dgls`."""
    return ".".join(names[:2]) if names[0] == "lab" else names[0]


def names_of(path: Path) -> tuple[str, ...]:
    return path.relative_to(ROOT).with_suffix("").parts


def imports(path: Path) -> Iterator[str]:
    """Every imported module, including those inside functions and for types only."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_package_imports_only_what_it_may_know(path: Path) -> None:
    mine = room_of(names_of(path))
    for name in imports(path):
        first, *rest = name.split(".")
        if first == "dgls" and rest and mine in KNOWS:
            room = room_of(rest)
            assert room == mine or room in {*KNOWS[mine].split(), *GROUND}, name
        if first in OWNERS:
            assert mine.split(".")[0] in OWNERS[first] or mine in OWNERS[first], name


def test_the_import_graph_has_no_cycles() -> None:
    left = {room: set(known.split()) for room, known in KNOWS.items()}
    while left:
        lowest = {room for room, known in left.items() if not known & left.keys()}
        assert lowest, f"a circle among {sorted(left)}"
        left = {room: known for room, known in left.items() if room not in lowest}


def test_every_package_is_in_the_graph_and_every_edge_is_used() -> None:
    used: dict[str, set[str]] = {}
    for path in modules():
        found = used.setdefault(room_of(names_of(path)), set())
        for name in imports(path):
            first, *rest = name.split(".")
            if first == "dgls" and rest:
                found.add(room_of(rest))
    rooms = {room for room in used if (ROOT / room.replace(".", "/")).is_dir()} - {"lab"}
    assert rooms - GROUND <= KNOWS.keys()
    unused = {room: set(known.split()) - used[room] for room, known in KNOWS.items()}
    assert {room: known for room, known in unused.items() if known} == {}


def test_diffusion_knows_only_torch_and_errors() -> None:
    for path in (ROOT / "diffusion").glob("*.py"):
        for name in imports(path):
            assert name.split(".")[0] != "transformers"
            if name.startswith("dgls."):
                assert name.startswith(("dgls.diffusion", "dgls.errors")), (path.name, name)


@pytest.mark.parametrize("module", LIGHT)
def test_a_front_end_never_loads_heavy_libraries(module: str) -> None:
    heavy = {"torch", "transformers", "numpy", "tokenizers", "starlette", "uvicorn", "httpx"}
    program = f"import sys, {module}; print(*({heavy!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == ""


def test_initialize_does_not_wait_for_later_imports() -> None:
    later = {
        "dgls.edits.rules",
        "dgls.checkpoint.catalogue",
        "dgls.requests.instruction",
        "tomllib",
    }
    program = f"import sys, dgls.lsp.main; print(*({later!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == ""


def test_an_engine_of_a_laptop_model_loads_no_transformers() -> None:
    """It would add two seconds to its start, and 100 MB."""
    program = "import sys, dgls.engine.process, dgls.engine.backends.local; " + (
        "print('transformers' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"


def test_the_code_map_lists_exactly_the_packages() -> None:
    page = (ROOT.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `")]
    named = {name.rstrip("/") for row in rows for name in re.findall(r"`([^`]+)`", row)}
    there = {path.parent.relative_to(ROOT).as_posix() for path in modules()} - {"."}
    rooms = {each for each in there if each.count("/") == each.startswith("lab/")} - {"lab"}
    assert rooms <= named
    assert all((ROOT / name).exists() for name in named)


def test_no_folder_is_too_large_and_a_large_one_says_why() -> None:
    page = (ROOT.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    lines: Counter[str] = Counter()
    for path in modules():
        text = path.read_text(encoding="utf-8")
        lines[path.parent.relative_to(ROOT).as_posix()] += text.count("\n")
    assert {room: size for room, size in lines.items() if size > MAX_LINES} == {}
    for room in (room for room, size in lines.items() if size > LINES_WITH_REASON):
        assert f"- `dgls/{room}`: " in page, (
            f"{room}: say in docs/architecture.md why it is so large"
        )
