"""Kotlin, as data. Node kinds and fields are those of tree-sitter-kotlin 1.1."""

from __future__ import annotations

import re

from dgls.syntax.language import Language, ScopeKind

_HOLES = r"""
((line_comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))
((block_comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))

((block (call_expression . (identifier) @_name) @not_implemented)
  (#eq? @_name "TODO"))
((function_body (call_expression . (identifier) @_name) @not_implemented)
  (#eq? @_name "TODO"))

(function_body (block) @body)
"""

KOTLIN = Language(
    id="kotlin",
    line_comment="//",
    grammar_module="tree_sitter_kotlin",
    scopes={
        "function_declaration": ScopeKind.FUNCTION,
        "class_declaration": ScopeKind.CLASS,
        "object_declaration": ScopeKind.CLASS,
    },
    bodies=frozenset({"block", "function_body", "class_body", "enum_class_body"}),
    comments=frozenset({"line_comment", "block_comment"}),
    holes=_HOLES,
    header=re.compile(r"[ \t]*(?:[\w@]+[ \t]+)*(?:fun|class|interface|object)\b"),
    top_level=re.compile(
        r"^(?:@|(?:public|private|internal|open|abstract|sealed|data|enum|inline|suspend|"
        r"override|fun|class|interface|object|val|var)\b)",
        re.MULTILINE,
    ),
    block_opener=re.compile(r"(?:\{|->)\s*(?:\w[\w, ]*->\s*)?(?://.*)?$"),
    imports=re.compile(r"^(?:import|package) .*", re.MULTILINE),
    imported=re.compile(r"^import ([\w.]+)", re.MULTILINE),
    module_files=("{}.kt", "src/main/kotlin/{}.kt"),
    module_separator=".",
)
