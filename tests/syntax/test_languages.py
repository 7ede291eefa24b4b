"""A file's language is known by the editor's word for it, else by its name."""

from __future__ import annotations

import pytest
import tree_sitter

from dgls.errors import LanguageError
from dgls.syntax.languages import LANGUAGES, Language, language_of


@pytest.mark.parametrize(
    ("path", "language_id", "expected"),
    [
        ("a.py", None, "python"),
        ("src/deep/A.PYI", None, "python"),
        (r"C:\work\tool.pyw", None, "python"),
        ("site/SConstruct", None, "python"),
        ("no suffix", "python", "python"),
        ("a.rs", "python", "python"),
        ("a.py", "", "python"),
    ],
)
def test_a_language_is_found(path: str, language_id: str | None, expected: str) -> None:
    assert language_of(path, language_id).id == expected


@pytest.mark.parametrize(
    ("path", "language_id"),
    [("a.rs", None), ("py", None), ("", None), ("a.py", "rust"), ("dir.py/file", None)],
)
def test_what_has_no_grammar_is_refused_and_what_has_is_named(
    path: str, language_id: str | None
) -> None:
    with pytest.raises(LanguageError, match=r"Python \(\.py") as refusal:
        language_of(path, language_id)
    assert repr(language_id or path) in str(refusal.value)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.id)
def test_a_languages_data_fit_its_grammar(language: Language) -> None:
    kinds = {*language.scopes, *language.blocks, *language.comments}
    for kind in kinds:
        assert language.grammar.id_for_node_kind(kind, True) is not None, kind
    for query in (language.holes_query, language.blocks_query):
        assert isinstance(query, tree_sitter.Query)
