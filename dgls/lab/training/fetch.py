"""Gathers the source trees of a corpus: packages by name, and the standard library."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dgls.errors import TrainingError

Split = Literal["train", "heldout"]


@dataclass(frozen=True, slots=True)
class Package:
    """Source to train on. Packages of the split "heldout" are never trained on.

    `folder` is that of a local package; the others are fetched by name and version.
    """

    name: str
    version: str
    licence: str
    split: Split = "train"
    folder: str = ""


def listed_packages() -> tuple[Package, ...]:
    """The packages of `packages.toml`, in its order."""
    text = (Path(__file__).parent / "packages.toml").read_text(encoding="utf-8")
    return tuple(Package(**fields) for fields in tomllib.loads(text)["package"])


def standard_library() -> Package:
    """Python's own library as a package of this interpreter's version."""
    version = ".".join(map(str, sys.version_info[:3]))
    return Package("python-standard-library", version, "PSF-2.0")


def local_package(folder: Path) -> Package:
    """A local folder as a package. Raises `TrainingError` if it does not exist."""
    if not folder.is_dir():
        raise TrainingError(f"{folder} is not a folder; nothing was built.")
    return Package(folder.resolve().name, "local", "your own", folder=str(folder))


def source_tree(package: Package, folder: Path) -> Path:
    """The folder with the package's Python files, fetched into `folder` if missing.

    Raises `TrainingError` if pip cannot fetch it; earlier files stay.
    """
    if package.folder:
        return Path(package.folder)
    tree = folder / "sources" / f"{package.name}-{package.version}"
    if tree.is_dir():
        return tree
    if package.name == standard_library().name:
        return Path(sysconfig.get_paths()["stdlib"])
    wheel = _download(package, folder / "wheels")
    partial = tree.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    _unpack_python(wheel, partial)
    partial.rename(tree)
    return tree


def _download(package: Package, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    name = package.name.replace("-", "_").lower()
    pattern = f"{name}-{package.version}-*.whl"
    if not (found := sorted(folder.glob(pattern))):
        requirement = f"{package.name}=={package.version}"
        command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--dest", str(folder), requirement]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = sorted(folder.glob(pattern))
        if done.returncode or not found:
            reason = done.stderr.strip().splitlines()[-1:] or ["no wheel of that name arrived"]
            raise TrainingError(
                f"pip could not fetch {requirement} ({reason[0]}); the packages fetched before "
                f"are kept in {folder}. Run the same command again when the index can be reached."
            )
    return found[0]


def _unpack_python(wheel: Path, tree: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            parts = Path(name).parts
            if name.endswith(".py") and ".." not in parts and not Path(name).is_absolute():
                archive.extract(name, tree)
