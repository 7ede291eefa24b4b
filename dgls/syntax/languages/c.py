"""C and C++, as data. Node kinds and fields are those of tree-sitter-c 0.24 and -cpp 0.23."""

from __future__ import annotations

import re
from dataclasses import replace

from dgls.syntax.language import Language, ScopeKind

_HOLES = r"""
((comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))

(function_definition body: (compound_statement) @body)
"""

_HOLES_CPP = r"""
((throw_statement
   (call_expression arguments: (argument_list . (string_literal) @_text))) @not_implemented
  (#match? @_text "(?i)not (yet )?implemented"))

(lambda_expression body: (compound_statement) @body)
"""

# A function has no keyword: types and a name before its parameters, and no end of a statement.
_FUNCTION = (
    r"[ \t]*(?!(?:return|else|case|if|for|while|switch|catch|do|goto|throw|new|delete|using)\b)"
    r"(?:[\w:<>,~&*]+[ \t]+[*&]*)*[\w:~]+(?:operator[^\w\s(]+)?[ \t]*\([^;]*$"
)

C = Language(
    id="c",
    line_comment="//",
    grammar_module="tree_sitter_c",
    scopes={
        "function_definition": ScopeKind.FUNCTION,
        "struct_specifier": ScopeKind.CLASS,
        "union_specifier": ScopeKind.CLASS,
        "enum_specifier": ScopeKind.CLASS,
    },
    bodies=frozenset({"compound_statement", "field_declaration_list", "enumerator_list"}),
    comments=frozenset({"comment"}),
    holes=_HOLES,
    header=re.compile(
        r"[ \t]*(?:typedef[ \t]+)?(?:struct|union|enum)\b[^;=(]*$|" + _FUNCTION, re.MULTILINE
    ),
    top_level=re.compile(r"^[A-Za-z_](?!\w*:)", re.MULTILINE),
    imports=re.compile(r"^[ \t]*#[ \t]*include[ \t]+[<\"][^>\"\n]+[>\"]", re.MULTILINE),
    imported=re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"\n]+)"', re.MULTILINE),
    module_files=("{}", "include/{}", "src/{}"),
)

CPP = replace(
    C,
    id="cpp",
    grammar_module="tree_sitter_cpp",
    scopes={
        **C.scopes,
        "class_specifier": ScopeKind.CLASS,
        "namespace_definition": ScopeKind.CLASS,
    },
    bodies=C.bodies | {"declaration_list"},
    holes=_HOLES + _HOLES_CPP,
    header=re.compile(
        r"[ \t]*(?:inline[ \t]+)?(?:class|struct|union|enum|namespace)\b[^;=(]*$|"
        r"[ \t]*template\b.*$|" + _FUNCTION,
        re.MULTILINE,
    ),
)
