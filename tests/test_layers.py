"""The layers of `docs/architecture.md`: imports point down only, and heavy libraries stay below."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "dgls"

# From the top down; those on one line may import each other.
LAYERS = (
    ("cli",),
    ("bench", "doctor", "editors"),
    ("lsp",),
    ("policy",),
    ("training", "evaluation"),
    ("engine",),
    ("client",),
    ("fill",),
    ("inference",),
    ("checkpoint",),
    ("network",),
    ("diffusion",),
    ("canvas",),
    ("sound",),
    ("syntax",),
    ("config",),
    ("file_lock",),
    ("counts", "files", "imports", "patterns", "protocol", "text", "errors"),
)
RANK = {name: rank for rank, names in enumerate(reversed(LAYERS)) for name in names}

# Who alone may know a library; the others reach it through them.
OWNERS = {
    "pygls": {"lsp"},
    "lsprotocol": {"lsp"},
    "transformers": {"checkpoint", "network", "training"},
    "torch": {
        "fill",
        "engine",
        "checkpoint",
        "network",
        "inference",
        "diffusion",
        "training",
        "evaluation",
        "bench",
        "cli",
    },
    "tree_sitter": {"syntax", "sound", "evaluation"},
    "tokenizers": {"fill", "inference", "checkpoint", "training"},
    "safetensors": {"checkpoint", "training"},
    "starlette": {"engine"},
    "uvicorn": {"engine"},
    "prometheus_client": {"engine", "bench"},
    "httpx": {"engine", "checkpoint", "evaluation"},
    "rich": {"cli", "evaluation"},
    "typer": {"cli"},
}

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
    "dgls.checkpoint.fit",
)


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def package_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Every imported module, those inside functions and for types alone included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down_only(path: Path) -> None:
    mine = package_of(path)
    for name in imports(path):
        first, *rest = name.split(".")
        if first == "dgls" and rest and mine in RANK:
            assert rest[0] == mine or RANK[rest[0]] <= RANK[mine], name
        if first in OWNERS:
            assert mine in OWNERS[first], name


def test_diffusion_knows_torch_and_errors_alone() -> None:
    for path in (ROOT / "diffusion").glob("*.py"):
        for name in imports(path):
            assert name.split(".")[0] != "transformers"
            if name.startswith("dgls."):
                assert name.startswith(("dgls.diffusion", "dgls.errors")), (path.name, name)


@pytest.mark.parametrize("module", LIGHT)
def test_a_front_end_never_loads_what_is_heavy(module: str) -> None:
    heavy = {"torch", "transformers", "numpy", "tokenizers", "starlette", "uvicorn", "httpx"}
    program = f"import sys, {module}; print(*({heavy!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == ""
