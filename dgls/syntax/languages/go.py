"""Go, as data. Node kinds and fields are those of tree-sitter-go 0.25."""

from __future__ import annotations

import re

from dgls.syntax.language import Language, ScopeKind

_HOLES = r"""
((comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))

((expression_statement
   (call_expression
     function: (identifier) @_name
     arguments: (argument_list . (interpreted_string_literal) @_text))) @not_implemented
  (#eq? @_name "panic")
  (#match? @_text "(?i)(not (yet )?implemented|unimplemented|TODO)"))

(function_declaration body: (block) @body)
(method_declaration body: (block) @body)
(func_literal body: (block) @body)
"""

GO = Language(
    id="go",
    line_comment="//",
    grammar_module="tree_sitter_go",
    scopes={
        "function_declaration": ScopeKind.FUNCTION,
        "method_declaration": ScopeKind.FUNCTION,
        "type_spec": ScopeKind.CLASS,
    },
    bodies=frozenset({"block", "statement_list", "struct_type", "interface_type"}),
    comments=frozenset({"comment"}),
    holes=_HOLES,
    header=re.compile(r"[ \t]*(?:func|type)\b"),
    top_level=re.compile(r"^(?:func|type|var|const)\b", re.MULTILINE),
    imports=re.compile(r'^import (?:\([^)]*\)|.*"[^"\n]*")|^package \w+', re.MULTILINE),
)
