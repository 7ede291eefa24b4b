"""A file's language is known by the editor's language id, else by its name."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time

import pytest
import tree_sitter

from dgls.errors import LanguageError
from dgls.syntax.languages import LANGUAGES, Known, known_named, language_of, language_of_document


@pytest.mark.parametrize(
    ("path", "language_id", "expected"),
    [
        ("a.py", None, "python"),
        ("src/deep/A.PYI", None, "python"),
        (r"C:\work\tool.pyw", None, "python"),
        ("site/SConstruct", None, "python"),
        ("no suffix", "python", "python"),
        ("a.rs", "python", "python"),
        ("a.rs", None, "rust"),
        ("a.tsx", None, "typescriptreact"),
        ("a.h", "cpp", "cpp"),
        ("script", "sh", "shellscript"),
        ("Gemfile", None, "ruby"),
        ("a.py", "", "python"),
        ("", "JavaScriptReact", "javascript"),
        ("", "C++", "cpp"),
        ("", "golang", "go"),
        ("", "yml", "yaml"),
        ("", "py3", "python"),
        ("", "Python3.12", "python"),
        ("", "python-ts-mode", "python"),
        ("", "c++-mode", "cpp"),
        ("", "typescript.tsx", "typescriptreact"),
        ("", "html.jinja", "html"),
        ("", "c99", "c"),
        ("", "hpp", "cpp"),
        ("", "C#", "csharp"),
        ("", "zsh", "shellscript"),
        ("", "js2-mode", "javascript"),
        ("", "rust-ts", "rust"),
        ("", "shell-script", "shellscript"),
        ("", "Python (2.7)", "python"),
        ("", "text/x-python", "python"),
        ("", "text/x-c++src", "cpp"),
        ("", "application/json", "json"),
    ],
)
def test_a_language_is_found(path: str, language_id: str | None, expected: str) -> None:
    assert language_of(path, language_id).id == expected


def test_a_long_language_name_is_fast() -> None:
    begun = time.process_time()
    assert known_named("1" * 100_000 + "(" * 10_000) is None
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("path", "language_id"),
    [("a.zig", None), ("py", None), ("", None), ("a.py", "zig"), ("dir.py/file", None)],
)
def test_an_unknown_language_is_refused_with_the_known_ones(
    path: str, language_id: str | None
) -> None:
    with pytest.raises(LanguageError, match=r"Python \(\.py.*Bash \(\.sh") as refusal:
        language_of(path, language_id)
    assert repr(language_id or path) in str(refusal.value)


@pytest.mark.parametrize(
    ("path", "language_id", "expected"),
    [
        ("a.py", "starlark", "python"),
        ("compose.yml", "dockercompose", "yaml"),
        ("a.js", "flow", "javascript"),
        ("a.rs", "py3", "python"),
    ],
)
def test_an_unknown_editor_id_falls_back_to_the_file_name(
    path: str, language_id: str, expected: str
) -> None:
    assert language_of_document(path, language_id).id == expected


@pytest.mark.parametrize(("path", "said"), [("a.py", "plaintext"), ("a.py", "Text"), ("a", "zig")])
def test_plain_text_has_no_language_whatever_its_name(path: str, said: str) -> None:
    with pytest.raises(LanguageError):
        language_of_document(path, said)


def test_no_two_languages_share_a_name() -> None:
    names = [[*known.ids, *known.suffixes, *known.filenames] for known in LANGUAGES]
    assert len(set(itertools.chain(*names))) == sum(map(len, names))


@pytest.mark.parametrize("known", LANGUAGES, ids=lambda known: known.ids[0])
def test_a_languages_data_match_its_grammar(known: Known) -> None:
    language = known.load()
    assert language.id == known.ids[0]
    kinds = {*language.scopes, *language.bodies, *language.blocks, *language.comments}
    for kind in kinds:
        assert language.grammar.id_for_node_kind(kind, True) is not None, kind
    for token in language.closers:
        assert language.grammar.id_for_node_kind(token, False) is not None, token
    for query in (language.holes_query, language.blocks_query):
        assert isinstance(query, tree_sitter.Query)


def test_a_language_is_loaded_on_first_use() -> None:
    code = """
import sys
import time
from dgls.syntax.languages import language_of
language_of("a.py").grammar
print([name for name in sys.modules if name.startswith("tree_sitter_") and "." not in name])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['tree_sitter_python']"
