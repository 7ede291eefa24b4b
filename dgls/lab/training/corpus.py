"""Builds the corpus: permissive Python source, without duplicates or evaluation tasks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dgls.errors import TrainingError
from dgls.files import read_small
from dgls.lab.evaluation.contamination import Contamination
from dgls.lab.evaluation.source_tree import MayRead, anything
from dgls.lab.training.documents import Document, Documents, pack
from dgls.lab.training.fetch import Package, Split, source_tree
from dgls.lab.training.filters import Duplicates, is_wanted_path, is_written_source

_LARGEST_FILE = 20_000_000


@dataclass(frozen=True, slots=True)
class SourceCount:
    """The counts of one package: files kept, their bytes, and dropped files by reason."""

    package: Package
    files: int
    size: int
    unwanted: int
    repeated: int
    contaminated: int


@dataclass(frozen=True)
class Corpus:
    """A corpus in `folder`: packed training and held-out documents, and their sources."""

    folder: Path

    def documents(self, split: Split) -> Documents:
        """The documents of a split. Raises `TrainingError` if they were not built."""
        return Documents(self.folder / split)

    def sources(self) -> tuple[SourceCount, ...]:
        """The counts of each package."""
        rows = json.loads((self.folder / "sources.json").read_text(encoding="utf-8"))
        return tuple(SourceCount(**{**row, "package": Package(**row["package"])}) for row in rows)

    @property
    def is_built(self) -> bool:
        """Whether a build has finished here."""
        return (self.folder / "sources.json").is_file()


def build_corpus(
    folder: Path,
    packages: Sequence[Package],
    contamination: Contamination,
    report: Callable[[str], None],
    may_read: MayRead = anything,
) -> Corpus:
    """Fetch, filter and pack `packages` into `folder`, unless that was done before.

    `may_read` is called for each file of a local package.
    """
    corpus = Corpus(folder)
    if corpus.is_built:
        return corpus
    duplicates = Duplicates()
    kept: dict[Split, list[Document]] = {"train": [], "heldout": []}
    counts: list[SourceCount] = []
    for package in packages:
        documents, count = _read(package, folder, duplicates, contamination, may_read)
        kept[package.split] += documents
        counts.append(count)
        report(f"{package.name} {package.version}: {count.files} files, {count.size:,} bytes")
    if not kept["train"]:
        raise TrainingError(
            f"No Python source worth training on was found in "
            f"{', '.join(package.name for package in packages)}; nothing was built."
        )
    for split, documents in kept.items():
        pack(documents, folder / split)
    listing = json.dumps([asdict(count) for count in counts], indent=1)
    (folder / "sources.json").write_text(listing + "\n", encoding="utf-8")
    return corpus


def _read(
    package: Package,
    folder: Path,
    duplicates: Duplicates,
    contamination: Contamination,
    may_read: MayRead,
) -> tuple[list[Document], SourceCount]:
    kept: list[Document] = []
    unwanted = repeated = contaminated = 0
    wanted = may_read if package.folder else anything
    for document in _python_files(source_tree(package, folder), wanted):
        if not is_wanted_path(document.path) or not is_written_source(document.text):
            unwanted += 1
        elif contamination.matches(document.text):
            contaminated += 1
        elif not duplicates.is_new(document.text):
            repeated += 1
        else:
            kept.append(document)
    size = sum(len(document.text.encode("utf-8")) for document in kept)
    return kept, SourceCount(package, len(kept), size, unwanted, repeated, contaminated)


def _python_files(tree: Path, may_read: MayRead) -> Iterator[Document]:
    for file in filter(may_read, sorted(tree.rglob("*.py"))):
        try:
            text = read_small(file, _LARGEST_FILE).decode("utf-8").replace("\r\n", "\n")
        except (OSError, UnicodeDecodeError):
            continue
        yield Document(file.relative_to(tree).as_posix(), text)
