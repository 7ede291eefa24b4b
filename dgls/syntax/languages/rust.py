"""Rust, as data. Node kinds and fields are those of tree-sitter-rust 0.24."""

from __future__ import annotations

import re

from dgls.syntax.language import Language, ScopeKind

_HOLES = r"""
((line_comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))
((block_comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))

((expression_statement (macro_invocation macro: (identifier) @_name)) @not_implemented
  (#match? @_name "^(todo|unimplemented)$"))
((block (macro_invocation macro: (identifier) @_name) @not_implemented)
  (#match? @_name "^(todo|unimplemented)$"))

(function_item body: (block) @body)
"""

RUST = Language(
    id="rust",
    line_comment="//",
    grammar_module="tree_sitter_rust",
    scopes={
        "function_item": ScopeKind.FUNCTION,
        "struct_item": ScopeKind.CLASS,
        "enum_item": ScopeKind.CLASS,
        "union_item": ScopeKind.CLASS,
        "trait_item": ScopeKind.CLASS,
        "impl_item": ScopeKind.CLASS,
        "mod_item": ScopeKind.CLASS,
    },
    bodies=frozenset({"block", "declaration_list", "field_declaration_list", "enum_variant_list"}),
    comments=frozenset({"line_comment", "block_comment"}),
    holes=_HOLES,
    header=re.compile(
        r"[ \t]*(?:pub(?:\([^)]*\))?[ \t]+)?"
        r"(?:(?:default|const|async|unsafe|extern(?:[ \t]+\"\w+\")?)[ \t]+)*"
        r"(?:fn|struct|enum|union|trait|impl|mod)\b"
    ),
    top_level=re.compile(
        r"^(?:#\[|pub|fn|struct|enum|union|trait|impl|mod|const|static|type|async|unsafe|extern)",
        re.MULTILINE,
    ),
    imports=re.compile(r"^(?:pub(?:\([^)]*\))? )?use [^;]*;|^extern crate [^;]*;", re.MULTILINE),
    imported=re.compile(r"^(?:pub(?:\([^)]*\))? )?mod (\w+);", re.MULTILINE),
    module_files=("{}.rs", "{}/mod.rs"),
)
