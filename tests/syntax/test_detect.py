"""The language of a text that comes without a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgls.syntax.detect import detected
from dgls.syntax.languages import language_of

FIXTURES = sorted((Path(__file__).parents[2] / "fixtures" / "languages").glob("?ccount.*"))
ALIKE = {"typescriptreact": {"typescript", "javascript", "typescriptreact"}}
"""Languages that a text may be mistaken for without harm."""

GUIDE = """# How to install it

First fetch the package, then run it as your own user:

```
pip install it
```

The rest is in the guide for people who write plugins.
"""

BUTTON = """type Props = { label: string };

export const Button = ({ label }: Props) => {
  return <button type="button">{label}</button>;
};
"""


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.name)
def test_a_file_shows_its_language(file: Path) -> None:
    language = language_of(file.name).id
    assert detected(file.read_text()).id in ALIKE.get(language, {language})


@pytest.mark.parametrize(
    ("text", "path", "others", "language"),
    [
        ("x = 1", "a.rb", (), "ruby"),
        ("#!/usr/bin/env -S python3 -u\n", "", (), "python"),
        ("#!/bin/zsh\n", "", ("a.py",), "shellscript"),
        ("#!/usr/bin/env perl\nx = 1\n", "", (), "plaintext"),
        ("// -*- mode: go -*-\n", "", (), "go"),
        ("x = 1", "", ("a.js", "b.js", "c.py"), "javascript"),
        ("def f(a):\n    return a\n", "", ("a.js",), "python"),
        ("", "", (), "plaintext"),
        (GUIDE, "", (), "markdown"),
        (BUTTON, "", (), "typescriptreact"),
        ("# Sum of all\ndef f(xs):\n    return sum(xs)\n", "", (), "python"),
    ],
)
def test_names_and_marks_decide_the_language(
    text: str, path: str, others: tuple[str, ...], language: str
) -> None:
    assert detected(text, path, others).id == language
