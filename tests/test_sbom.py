"""The bill of materials of a wheel: `make sbom`."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[1] / ".ci" / "sbom.py"


@pytest.fixture
def bill(tmp_path: Path) -> dict[str, Any]:
    """The bill of a small wheel that needs `httpx`, and more for an extra and another system."""
    wheel = tmp_path / "dgls-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(
            "dgls-1.0.dist-info/METADATA",
            "Name: dgls\nVersion: 1.0\nRequires-Dist: httpx>=0.28\n"
            "Requires-Dist: not-here; extra == 'dev'\n"
            "Requires-Dist: nor-this; sys_platform == 'plan9'\n",
        )
        hashed = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
        record = f"dgls/a.py,{hashed},0\ndgls/m/model.safetensors,{hashed},0\n"
        archive.writestr("dgls-1.0.dist-info/RECORD", record)
    done = subprocess.run([sys.executable, PROGRAM, wheel], capture_output=True, check=True)
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def test_weights_are_listed_with_their_hash_and_code_is_not(bill: dict[str, Any]) -> None:
    bundled = [each for each in bill["components"] if each["type"] != "library"]
    assert [each["name"] for each in bundled] == ["dgls/m/model.safetensors"]
    # The SHA-256 of empty input.
    assert bundled[0]["hashes"][0]["content"].startswith("e3b0c44298fc1c14")


def test_libraries_and_their_dependencies_have_a_version_and_licence(bill: dict[str, Any]) -> None:
    libraries = {each["name"]: each for each in bill["components"] if each["type"] == "library"}
    assert {"httpx", "httpcore", "h11", "anyio", "idna"} <= set(libraries)
    assert libraries.keys().isdisjoint({"not-here", "nor-this"})
    for each in libraries.values():
        assert each["licenses"][0]["license"]["name"]
        assert each["purl"].endswith(f"@{each['version']}")
    assert bill["dependencies"][0]["dependsOn"] == [each["bom-ref"] for each in libraries.values()]
