"""PHP, as data. Node kinds and fields are those of tree-sitter-php 0.25."""

from __future__ import annotations

import re

from dgls.syntax.language import Language, ScopeKind

_HOLES = r"""
((comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))

((expression_statement
   (throw_expression
     (object_creation_expression
       (arguments . (argument [(string) (encapsed_string)] @_text))))) @not_implemented
  (#match? @_text "(?i)not (yet )?implemented"))

(function_definition body: (compound_statement) @body)
(method_declaration body: (compound_statement) @body)
"""

PHP = Language(
    id="php",
    line_comment="//",
    grammar_module="tree_sitter_php",
    grammar_function="language_php",
    preamble="<?php\n",
    scopes={
        "function_definition": ScopeKind.FUNCTION,
        "method_declaration": ScopeKind.FUNCTION,
        "class_declaration": ScopeKind.CLASS,
        "interface_declaration": ScopeKind.CLASS,
        "trait_declaration": ScopeKind.CLASS,
        "enum_declaration": ScopeKind.CLASS,
    },
    bodies=frozenset({"compound_statement", "declaration_list", "enum_declaration_list"}),
    comments=frozenset({"comment"}),
    holes=_HOLES,
    header=re.compile(
        r"[ \t]*(?:(?:abstract|final|readonly|public|protected|private|static)[ \t]+)*"
        r"(?:function|class|interface|trait|enum)\b"
    ),
    top_level=re.compile(
        r"^(?:abstract|final|readonly|function|class|interface|trait|enum)\b", re.MULTILINE
    ),
    imports=re.compile(
        r"^(?:namespace|use) [^;{\n]*;|^(?:require|include)(?:_once)?\b[^;\n]*;", re.MULTILINE
    ),
    imported=re.compile(
        r"""^(?:require|include)(?:_once)?\b[ (]*(?:__DIR__\s*\.\s*)?['"]/?([^'"\n]+)['"]""",
        re.MULTILINE,
    ),
    module_files=("{}",),
)
