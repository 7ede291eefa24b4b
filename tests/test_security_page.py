"""Every test named by the pages on security and privacy exists."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
DOCS = TESTS.parent / "docs"
PAGE = "".join((DOCS / name).read_text(encoding="utf-8") for name in ("security.md", "privacy.md"))
NAMED = re.compile(r"`((?:\w+/)*test_\w+\.py)`((?:,\s+\"[^\"]+\")*)")


def test_every_named_test_exists() -> None:
    missing = []
    for file, quoted in NAMED.findall(PAGE):
        path = TESTS / file
        functions = re.findall(r"def (test_\w+)", path.read_text()) if path.is_file() else []
        names = [name.replace("_", " ") for name in functions]
        for words in re.findall(r"\"([^\"]+)\"", quoted):
            wanted = " ".join(words.split())
            if not any(wanted in name for name in names):
                missing.append((file, wanted))
        if not functions:
            missing.append((file, ""))
    assert missing == []


def test_the_pages_name_tests_throughout() -> None:
    assert len(NAMED.findall(PAGE)) > 25
