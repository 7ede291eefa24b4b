"""The corpus of a base's recipes: unique source files of any language, with gaps cut in them.

The cuts are kept in the run's folder, so a resumed run trains on the same gaps.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dgls.errors import TrainingError
from dgls.lab.evaluation.contamination import Contamination
from dgls.lab.evaluation.source_tree import MayRead, anything, read_source, source_paths
from dgls.lab.training.arrays import load_arrays, save_arrays
from dgls.lab.training.fetch import Package, source_tree
from dgls.lab.training.filters import Duplicates, is_wanted_path, looks_written
from dgls.lab.training.parallel.cuts import SourceFile
from dgls.syntax.languages import LANGUAGES

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SHORTEST = 2000
"""In characters: what a prompt needs around its gap."""

_MAX_CHARS = 12_000_000
"""The limit for a language: as much as a machine without a GPU trains on in a day."""
_MIN_SHARE = 0.02
"""A language with a smaller share of the corpus is left out.

All languages are drawn equally often.
"""
_HELDOUT_SHARE = 12
_CODE = tuple(known for known in LANGUAGES if known.holds_code)


@dataclass(frozen=True, slots=True)
class Sources:
    """The source files: packages, and files that are left out.

    If no package is of the split "heldout", some files of each language are held out. `may_read` is
    called for each file of a local package; files with `excluded` tasks are skipped.
    """

    packages: tuple[Package, ...]
    excluded: Contamination
    may_read: MayRead = anything


Gaps = TypeVar("Gaps", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class Cutting(Generic[Gaps]):
    """How a recipe makes gaps of source files, and keeps these arrays in a file called `name`."""

    name: str
    gaps: type[Gaps]
    cut: Callable[[Sequence[SourceFile]], Gaps]


def corpus_of(
    folder: Path,
    sources: Sources,
    base: str,
    cutting: Cutting[Gaps],
    report: Callable[[str], None],
) -> Gaps:
    """The gaps in `folder`, cut from `sources` unless that was done before.

    `base` is the hash of the base model. Raises `TrainingError` if the folder has gaps of other
    sources or for another base, or if the sources have nothing to train on.
    """
    listing, kept = folder / "corpus.json", folder / cutting.name
    wanted = {"base": base, "packages": [_described(package) for package in sources.packages]}
    if listing.is_file():
        _check_same(listing, wanted)
    if listing.is_file() and kept.is_file():
        return load_arrays(cutting.gaps, kept)
    files = _split(_gathered(folder, sources, report), sources.packages)
    counts = _counts(files)
    for language, count in counts.items():
        report(f"{language}: {count['train']} files, {count['heldout']} held out")
    report("Cutting gaps; this is done once.")
    made = cutting.cut(files)
    partial = kept.with_suffix(f".partial{kept.suffix}")
    save_arrays(made, partial)
    os.replace(partial, kept)
    text = json.dumps({**wanted, "files": counts}, indent=1)
    listing.write_text(text + "\n", encoding="utf-8")
    return made


def _described(package: Package) -> dict[str, Any]:
    where = str(Path(package.folder).resolve()) if package.folder else ""
    return asdict(replace(package, folder=where))


def _check_same(listing: Path, wanted: Mapping[str, Any]) -> None:
    try:
        found = json.loads(listing.read_text(encoding="utf-8"))
        other = [key for key in wanted if found[key] != wanted[key]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{listing} cannot be read ({error}); nothing was trained. Train into another folder."
        ) from error
    if other:
        what = "another base model" if "base" in other else "other source folders"
        raise TrainingError(
            f"The run in {listing.parent} was started with {what}; it was left untouched. "
            "Give the same again to continue, or another --folder to start again."
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """A file with its place in the drawing order, which is random but fixed."""

    file: SourceFile
    order: bytes


def _gathered(
    folder: Path, sources: Sources, report: Callable[[str], None]
) -> dict[str, list[_Found]]:
    """The files worth training on, by language."""
    duplicates, found = Duplicates(), defaultdict[str, list[_Found]](list)
    most = _MAX_CHARS // len(sources.packages)
    for package in sources.packages:
        for language, files in _files_of(package, folder, sources, duplicates).items():
            found[language] += _first(files, most)
        report(f"{package.name} {package.version} was read")
    total = sum(map(_chars, found.values()))
    kept = {
        name: found[name]
        for name in sorted(found)
        if len(found[name]) > 1 and _chars(found[name]) >= _MIN_SHARE * total
    }
    if not kept:
        raise TrainingError(
            f"No source worth training on was found in "
            f"{', '.join(package.name for package in sources.packages)}; nothing was trained. Give "
            f"folders with several files of {SHORTEST:,} characters and more."
        )
    return kept


def _files_of(
    package: Package, folder: Path, sources: Sources, duplicates: Duplicates
) -> dict[str, list[_Found]]:
    tree = source_tree(package, folder)
    found: dict[str, list[_Found]] = {}
    wanted = sources.may_read if package.folder else anything
    for known, paths in source_paths(tree, _CODE, wanted).items():
        files = found.setdefault(known.ids[0], [])
        for path in filter(is_wanted_path, paths):
            read = read_source(tree, path)
            if read is None or len(read.text) < SHORTEST or not looks_written(read.text):
                continue
            if sources.excluded.matches(read.text) or not duplicates.is_new(read.text):
                continue
            order = hashlib.sha256(f"{package.name}/{path}".encode()).digest()
            heldout = package.split == "heldout"
            files.append(_Found(SourceFile(read.text, known.ids[0], heldout), order))
    return found


def _first(files: Sequence[_Found], most: int) -> list[_Found]:
    """Files in drawing order, with `most` characters in all; at least one."""
    kept: list[_Found] = []
    for each in sorted(files, key=lambda each: each.order):
        if kept and _chars(kept) + len(each.file.text) > most:
            break
        kept.append(each)
    return kept


def _chars(files: Iterable[_Found]) -> int:
    return sum(len(each.file.text) for each in files)


def _split(found: Mapping[str, Sequence[_Found]], packages: Sequence[Package]) -> list[SourceFile]:
    """All files; if the packages define no split, every twelfth of a language is held out."""
    if any(package.split == "heldout" for package in packages):
        return [each.file for files in found.values() for each in files]
    split: list[SourceFile] = []
    for files in found.values():
        ordered = sorted(files, key=lambda each: each.order)
        out = max(1, len(ordered) // _HELDOUT_SHARE)
        split += [replace(each.file, heldout=index < out) for index, each in enumerate(ordered)]
    return split


def _counts(files: Iterable[SourceFile]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for file in files:
        of = counts.setdefault(file.language, {"train": 0, "heldout": 0})
        of["heldout" if file.heldout else "train"] += 1
    return counts
