"""The corpus of a base's recipes: source files of any language, each once, with gaps cut in them.

What was cut is kept in the run's folder, so a run that goes on trains on the same gaps.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from dgls.errors import TrainingError
from dgls.lab.evaluation.contamination import Contamination
from dgls.lab.evaluation.source_tree import MayRead, anything, read_source, source_paths
from dgls.lab.training.fetch import Package, source_tree
from dgls.lab.training.filters import Duplicates, is_wanted_path, looks_written
from dgls.lab.training.parallel.cuts import SourceFile
from dgls.syntax.languages import LANGUAGES

SHORTEST = 2000
"""Characters: what a prompt needs around its gap."""

_MAX_CHARS = 12_000_000
"""Of a language: as much as a machine without a GPU trains on in a day."""
_MIN_SHARE = 0.02
"""A language with less of the corpus is left out: as many gaps are drawn of each."""
_HELDOUT_SHARE = 12
_CODE = tuple(known for known in LANGUAGES if known.holds_code)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the source files come from.

    Where no package is of the split "heldout", some files of each language are. `may_read` is
    asked of each file of a local package, and nothing of `excluded` is read.
    """

    packages: tuple[Package, ...]
    excluded: Contamination
    may_read: MayRead = anything


Gaps = TypeVar("Gaps")


@dataclass(frozen=True, slots=True)
class Cutting(Generic[Gaps]):
    """How a recipe makes gaps of source files, and keeps them in a file called `name`."""

    name: str
    cut: Callable[[Sequence[SourceFile]], Gaps]
    save: Callable[[Gaps, Path], None]
    load: Callable[[Path], Gaps]


def corpus_of(
    folder: Path,
    sources: Sources,
    base: str,
    cutting: Cutting[Gaps],
    report: Callable[[str], None],
) -> Gaps:
    """The gaps in `folder`, cut from `sources` where that was not done before.

    `base` is the hash of the base model. Raises `TrainingError` where the folder has gaps of other
    sources or for another base, and where the sources hold nothing to train on.
    """
    listing, kept = folder / "corpus.json", folder / cutting.name
    wanted = {"base": base, "packages": [_described(package) for package in sources.packages]}
    if listing.is_file():
        _check_same(listing, wanted)
    if listing.is_file() and kept.is_file():
        return cutting.load(kept)
    files = _split(_gathered(folder, sources, report), sources.packages)
    counts = _counts(files)
    for language, count in counts.items():
        report(f"{language}: {count['train']} files, {count['heldout']} held out")
    report("Cutting gaps; this is done once.")
    made = cutting.cut(files)
    partial = kept.with_suffix(f".partial{kept.suffix}")
    cutting.save(made, partial)
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
    """A file with its place in the order of drawing, which is random and always the same."""

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
    """Files in the order of drawing, of `most` characters together; one at least."""
    kept: list[_Found] = []
    for each in sorted(files, key=lambda each: each.order):
        if kept and _chars(kept) + len(each.file.text) > most:
            break
        kept.append(each)
    return kept


def _chars(files: Iterable[_Found]) -> int:
    return sum(len(each.file.text) for each in files)


def _split(found: Mapping[str, Sequence[_Found]], packages: Sequence[Package]) -> list[SourceFile]:
    """All files; where the packages say nothing, every twelfth of a language is held out."""
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
