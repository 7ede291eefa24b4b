"""What dgls knows about a programming language: only data, one `Language` for each."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import tree_sitter

NOTHING = re.compile(r"(?!)")
"""Matches nowhere."""

BRACE = re.compile(r"\{\s*(?://.*|/\*.*)?$")
"""The end of a line that opens a block in languages with braces and `//` comments."""


class ScopeKind(StrEnum):
    """The kinds of scope."""

    FUNCTION = "function"
    CLASS = "class"

    @property
    def holds_members(self) -> bool:
        """Whether its contents are visible from outside."""
        return self is ScopeKind.CLASS


@dataclass(frozen=True, eq=False)
class Language:
    """One language. To add one, write such an entry and name it in `languages/__init__.py`.

    A text in a language without a grammar (`PLAIN`) is never parsed.

    `grammar_module` is the module of the language's official grammar wheel, `grammar_function` its
    function that returns the grammar. `scopes` maps the grammar's node kinds to kinds of scope.
    `bodies` are the node kinds that hold statements or members, `blocks` those of them that must
    hold a statement. `closers` are the tokens that end a body; it is empty if indentation ends
    bodies. `holes` is a tree-sitter query; its captures are described in `holes.py`.

    These are patterns, because they read lines that may not parse: `imports` matches the import
    statements of a file's head, `header` the first line of a scope, `top_level` the beginning of a
    line outside any scope, and `block_opener` the end of a line, without trailing white space, that
    opens a block. `imported` matches an import; the first group that matched names the module,
    which is inserted into each of `module_files` to give its possible files. `module_separator`
    separates the parts of the name; if it is empty, the name is a path. `preamble` must precede a
    part of a file so that the grammar reads it as code.
    """

    id: str
    line_comment: str = field(repr=False)
    grammar_module: str = field(repr=False)
    scopes: Mapping[str, ScopeKind] = field(repr=False)
    bodies: frozenset[str] = field(repr=False)
    comments: frozenset[str] = field(repr=False)
    holes: str = field(repr=False)
    header: re.Pattern[str] = field(repr=False)
    top_level: re.Pattern[str] = field(repr=False)
    block_opener: re.Pattern[str] = field(default=BRACE, repr=False)
    imports: re.Pattern[str] = field(default=NOTHING, repr=False)
    imported: re.Pattern[str] = field(default=NOTHING, repr=False)
    module_files: tuple[str, ...] = field(default=(), repr=False)
    module_separator: str = field(default="", repr=False)
    blocks: frozenset[str] = field(default=frozenset(), repr=False)
    closers: frozenset[str] = field(default=frozenset({"}"}), repr=False)
    grammar_function: str = field(default="language", repr=False)
    preamble: str = field(default="", repr=False)

    @property
    def has_grammar(self) -> bool:
        """Whether texts in it can be parsed."""
        return bool(self.grammar_module)

    def closes(self, line: str) -> bool:
        """Whether a line begins with a token that ends a body, as a whole word."""
        return self._closing.match(line) is not None

    @cached_property
    def _closing(self) -> re.Pattern[str]:
        tokens = (rf"{each}\b" if each.isalpha() else re.escape(each) for each in self.closers)
        return re.compile(rf"\s*(?:{'|'.join(sorted(tokens)) or NOTHING.pattern})")

    @cached_property
    def grammar(self) -> tree_sitter.Language:
        """The grammar, loaded on first use."""
        module = importlib.import_module(self.grammar_module)
        return tree_sitter.Language(getattr(module, self.grammar_function)())

    @cached_property
    def holes_query(self) -> tree_sitter.Query:
        """The query that finds holes."""
        return tree_sitter.Query(self.grammar, self.holes)

    @cached_property
    def blocks_query(self) -> tree_sitter.Query:
        """The query that finds blocks, including empty ones."""
        patterns = (f"({kind}) @block" for kind in sorted(self.blocks))
        return tree_sitter.Query(self.grammar, "\n".join(patterns))


PLAIN = Language(
    id="plaintext",
    line_comment="#",
    grammar_module="",
    scopes={},
    bodies=frozenset(),
    comments=frozenset(),
    holes="",
    header=NOTHING,
    top_level=NOTHING,
    block_opener=NOTHING,
)
"""Text in no known language: only its lines are known."""
