"""C#, as data. Node kinds and fields are those of tree-sitter-c-sharp 0.23."""

from __future__ import annotations

import re

from dgls.syntax.language import Language, ScopeKind

_HOLES = r"""
((comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))

((throw_statement (object_creation_expression type: (identifier) @_type)) @not_implemented
  (#match? @_type "^(NotImplementedException|NotSupportedException)$"))

(method_declaration body: (block) @body)
(constructor_declaration body: (block) @body)
(local_function_statement body: (block) @body)
"""

CSHARP = Language(
    id="csharp",
    line_comment="//",
    grammar_module="tree_sitter_c_sharp",
    scopes={
        "method_declaration": ScopeKind.FUNCTION,
        "constructor_declaration": ScopeKind.FUNCTION,
        "local_function_statement": ScopeKind.FUNCTION,
        "class_declaration": ScopeKind.CLASS,
        "struct_declaration": ScopeKind.CLASS,
        "interface_declaration": ScopeKind.CLASS,
        "enum_declaration": ScopeKind.CLASS,
        "record_declaration": ScopeKind.CLASS,
        "namespace_declaration": ScopeKind.CLASS,
    },
    bodies=frozenset({"block", "declaration_list", "enum_member_declaration_list"}),
    comments=frozenset({"comment"}),
    holes=_HOLES,
    # A method has no keyword: types and a name before its parameters, and no end of a statement.
    header=re.compile(
        r"[ \t]*(?:\w+[ \t]+)*(?:class|struct|interface|enum|record|namespace)\b[^;]*$|"
        r"[ \t]*(?!(?:return|new|throw|else|case|if|for|foreach|while|switch|catch|lock|using|"
        r"await)\b)(?:[\w<>\[\],.?]+[ \t]+)+\w+(?:<[^>]*>)?[ \t]*\([^;=]*$",
        re.MULTILINE,
    ),
    top_level=re.compile(
        r"^(?:\[|(?:public|internal|private|static|abstract|sealed|partial|class|struct|interface|"
        r"enum|record|namespace)\b)",
        re.MULTILINE,
    ),
    imports=re.compile(r"^(?:global )?using [^;({\n]*;", re.MULTILINE),
)
