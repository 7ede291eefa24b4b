"""Random edits, as an editor sends them: the server's text must equal a reference text.

    python -m tests.proofs.fuzz --edits 1000000

Messages hold one to five changes, of a range or of the whole text, in all three position encodings,
with every line end, tabs, combining and astral characters, and positions beyond lines and text.
After each message the texts are compared, and now and then the syntax tree with a fresh one. Prints
how many edits there were; exits with 1 and the edit at the first difference.
"""

from __future__ import annotations

import argparse
import random
import sys
import time

from lsprotocol import types

from dgls.lab.bench.machine import machine
from dgls.lsp.convert import Convention
from dgls.lsp.documents import Documents
from dgls.syntax.source import Source
from dgls.text.encodings import Encoding
from tests.support.reference_text import reference_offset

PIECES = (
    *("a", "x = 1", "def f():", "    ", "\t", "(", ")", "[", '"', "'''", "#", "\\", ""),
    *("\n", "\n", "\r\n", "\r\n", "\r"),
    *(
        "é",
        "e\u0301",
        "\u0301",
        "\u200d",
        "😀",
        "👩\u200d🚀",
        "\U0001d4b3",
        "\u4e2d",
        "\u2028",
        "\ufeff",
        "\x00",
    ),
)
LANGUAGES = ("python", "typescript", "go")
MAX_CHARS = 300
MAX_CHANGES = 5
WHOLE_SHARE = 0.02
TREE_SHARE = 0.02
REPORT_EDITS = 100_000


class Difference(Exception):
    """The server's text or tree differs from the reference."""


class Fuzz:
    """Documents under random edits; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self.edits = 0
        self.messages = 0
        self._seed = seed
        self._random = random.Random(seed)

    def run(self, edits: int) -> None:
        """Make `edits` edits, in one document after the other. Raises `Difference`."""
        while self.edits < edits:
            self._one_document(min(edits, self.edits + self._random.randint(1, 200)))

    def _one_document(self, until: int) -> None:
        encoding = self._random.choice(list(Encoding))
        uri = f"file:///code/{self.edits}.txt"
        documents = Documents(Convention(encoding))
        text, version = self._text(20), 1
        language = self._random.choice(LANGUAGES)
        item = types.TextDocumentItem(uri=uri, language_id=language, version=version, text=text)
        documents.open(item)
        while self.edits < until:
            version += 1
            changes: list[types.TextDocumentContentChangeEvent] = []
            for _ in range(min(until - self.edits, self._random.randint(1, MAX_CHANGES))):
                event, text = self._change(text, encoding)
                changes.append(event)
                self.edits += 1
            self.messages += 1
            documents.change(types.VersionedTextDocumentIdentifier(version, uri), changes)
            self._compare(documents, uri, version, text)

    def _change(
        self, text: str, encoding: Encoding
    ) -> tuple[types.TextDocumentContentChangeEvent, str]:
        """A change, and the text after it."""
        new = self._text(4)
        if len(text) > MAX_CHARS or self._random.random() < WHOLE_SHARE:
            new += self._text(12)
            return types.TextDocumentContentChangeWholeDocument(text=new), new
        first, last = sorted((self._place(text), self._place(text)))
        if self._random.random() < 0.5:
            last = first
        start = reference_offset(text, *first, encoding)
        end = reference_offset(text, *last, encoding)
        span = types.Range(types.Position(*first), types.Position(*last))
        event = types.TextDocumentContentChangePartial(range=span, text=new)
        return event, text[:start] + new + text[end:]

    def _place(self, text: str) -> tuple[int, int]:
        """A line and a column, sometimes outside the text."""
        return self._random.randint(0, text.count("\n") + 1), self._random.randint(0, 16)

    def _text(self, most: int) -> str:
        return "".join(self._random.choices(PIECES, k=self._random.randint(0, most)))

    def _compare(self, documents: Documents, uri: str, version: int, text: str) -> None:
        document = documents.get(uri)
        if document is None or document.version != version:
            raise self._difference("the document or its version is lost")
        source = document.source
        if document.text != text or source is None or source.text != text:
            raise self._difference(f"{document.text!r} is not {text!r}")
        if self._random.random() < TREE_SHARE:
            fresh = Source.parse(text, source.language)
            if str(source.tree.root_node) != str(fresh.tree.root_node):
                raise self._difference(f"another tree than that of {text!r}")

    def _difference(self, what: str) -> Difference:
        return Difference(f"edit {self.edits} of seed {self._seed}: {what}")


def main(edits: int, seed: int) -> int:
    """Make the edits, printing a line for each 100,000; 0 if the texts never differed, else 1."""
    print(machine(), flush=True)
    fuzz, begun = Fuzz(seed), time.monotonic()
    try:
        for until in [*range(REPORT_EDITS, edits, REPORT_EDITS), edits]:
            fuzz.run(until)
            passed = time.monotonic() - begun
            print(f"{fuzz.edits} edits, {fuzz.messages} messages, {passed:.0f} s", flush=True)
    except Difference as difference:
        print(f"a difference: {difference}")
        return 1
    print("0 differences")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--edits", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sys.exit(main(given.edits, given.seed))
