"""Java, as data. Node kinds and fields are those of tree-sitter-java 0.23."""

from __future__ import annotations

import re

from dgls.syntax.language import Language, ScopeKind

_HOLES = r"""
((line_comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))
((block_comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))

((throw_statement (object_creation_expression type: (type_identifier) @_type)) @not_implemented
  (#match? @_type "^(UnsupportedOperationException|NotImplementedException)$"))

(method_declaration body: (block) @body)
(constructor_declaration body: (constructor_body) @body)
(lambda_expression body: (block) @body)
"""

JAVA = Language(
    id="java",
    line_comment="//",
    grammar_module="tree_sitter_java",
    scopes={
        "method_declaration": ScopeKind.FUNCTION,
        "constructor_declaration": ScopeKind.FUNCTION,
        "class_declaration": ScopeKind.CLASS,
        "interface_declaration": ScopeKind.CLASS,
        "enum_declaration": ScopeKind.CLASS,
        "record_declaration": ScopeKind.CLASS,
    },
    bodies=frozenset({"block", "constructor_body", "class_body", "interface_body", "enum_body"}),
    comments=frozenset({"line_comment", "block_comment"}),
    holes=_HOLES,
    # A method has no keyword: types and a name before its parameters, and no end of a statement.
    header=re.compile(
        r"[ \t]*(?:[\w@]+[ \t]+)*(?:class|interface|enum|record)\b|"
        r"[ \t]*(?!(?:return|new|throw|else|case|if|for|while|switch|catch|synchronized|try)\b)"
        r"(?:[\w<>\[\],.?&]+[ \t]+)+\w+[ \t]*\([^;=]*$|"
        r"[ \t]*(?:(?:public|protected|private)[ \t]+)?[A-Z]\w*[ \t]*\([^;=]*\{[ \t]*$",
        re.MULTILINE,
    ),
    top_level=re.compile(
        r"^(?:@|(?:public|abstract|final|sealed|class|interface|enum|record)\b)", re.MULTILINE
    ),
    imports=re.compile(r"^(?:import|package) [^;\n]*;", re.MULTILINE),
    imported=re.compile(r"^import (?:static )?([\w.]+);", re.MULTILINE),
    module_files=("{}.java", "src/main/java/{}.java"),
    module_separator=".",
)
