"""What a wheel of dgls bundles and needs, with licences, as CycloneDX 1.5: `sbom.py WHEEL > FILE`.

Bundled are the files of the wheel that are not code of dgls. The libraries are those of the
environment that runs this, with the licence that each declares.
"""

from __future__ import annotations

import base64
import csv
import importlib.metadata
import json
import sys
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from hashlib import sha256
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

MODELS = (".safetensors",)
OWN_LICENCE = "Apache-2.0"


def bill(wheel: Path) -> dict[str, Any]:
    """The bill of materials of a wheel; the same wheel and environment give the same bill."""
    with zipfile.ZipFile(wheel) as archive:
        info = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(info).decode())
        record = archive.read(info.replace("METADATA", "RECORD")).decode()
    libraries = list(_libraries(metadata.get_all("Requires-Dist") or []))
    own = _component("application", metadata["Name"], metadata["Version"], OWN_LICENCE)
    own["hashes"] = [{"alg": "SHA-256", "content": sha256(wheel.read_bytes()).hexdigest()}]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": own},
        "components": [*_models(record), *libraries],
        "dependencies": [
            {"ref": own["bom-ref"], "dependsOn": [each["bom-ref"] for each in libraries]}
        ],
    }


def _models(record: str) -> Iterator[dict[str, Any]]:
    """The weights in the wheel, which this project trained, with their hashes."""
    for name, proof, _ in csv.reader(record.splitlines()):
        if name.endswith(MODELS):
            made = _component("machine-learning-model", name, "", OWN_LICENCE)
            content = base64.urlsafe_b64decode(proof.removeprefix("sha256=") + "==").hex()
            yield made | {"hashes": [{"alg": "SHA-256", "content": content}]}


def _libraries(requirements: list[str]) -> Iterator[dict[str, Any]]:
    """The libraries that dgls needs, each with what it needs, as they are installed here."""
    waiting, seen = [*requirements], set[str]()
    while waiting:
        needed = Requirement(waiting.pop(0))
        key = canonicalize_name(needed.name)
        if key in seen or (needed.marker and not needed.marker.evaluate({"extra": ""})):
            continue
        seen.add(key)
        found = importlib.metadata.distribution(key)
        made = _component("library", key, found.version, _licence(found.metadata))
        yield made | {"purl": f"pkg:pypi/{key}@{found.version.replace('+', '%2B')}"}
        waiting += found.requires or []


def _licence(metadata: Message) -> str:
    """The licence that a library declares: its expression, its name, else its classifiers."""
    declared = metadata["License-Expression"] or metadata["License"] or ""
    if declared and "\n" not in declared.strip():
        return declared.strip()
    classified = [each for each in metadata.get_all("Classifier") or [] if "License ::" in each]
    return ", ".join(each.rpartition(" :: ")[2] for each in classified)


def _component(kind: str, name: str, version: str, licence: str) -> dict[str, Any]:
    made: dict[str, Any] = {"type": kind, "bom-ref": f"{name}@{version}", "name": name}
    if version:
        made["version"] = version
    if licence:
        made["licenses"] = [{"license": {"name": licence}}]
    return made


if __name__ == "__main__":
    print(json.dumps(bill(Path(sys.argv[1])), indent=2))
