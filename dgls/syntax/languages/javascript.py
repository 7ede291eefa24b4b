"""JavaScript, as data. Node kinds and fields are those of tree-sitter-javascript 0.25."""

from __future__ import annotations

import re

from dgls.syntax.language import Language, ScopeKind

HOLES = r"""
((comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))

((throw_statement (new_expression arguments: (arguments . (string) @_text)) ) @not_implemented
  (#match? @_text "(?i)not (yet )?implemented"))

(function_declaration body: (statement_block) @body)
(generator_function_declaration body: (statement_block) @body)
(function_expression body: (statement_block) @body)
(method_definition body: (statement_block) @body)
(arrow_function body: (statement_block) @body)
"""
"""Also used for TypeScript, whose grammar has the same node names."""

SCOPES = {
    "function_declaration": ScopeKind.FUNCTION,
    "generator_function_declaration": ScopeKind.FUNCTION,
    "method_definition": ScopeKind.FUNCTION,
    "class_declaration": ScopeKind.CLASS,
}

BODIES = frozenset({"statement_block", "class_body"})

# A method has no keyword: a name, parameters and an opening brace tell it from a call.
HEADER = re.compile(
    r"[ \t]*(?:(?:export|default|abstract|async|static|public|private|protected|readonly|get|set)"
    r"[ \t]+)*(?:(?:function|class|interface|enum|namespace)\b|"
    r"(?!(?:if|for|while|switch|catch|return)\b)[#\w$]+(?:<[^>]*>)?\([^;]*\{[ \t]*$)",
    re.MULTILINE,
)

TOP_LEVEL = re.compile(
    r"^(?:export|async|function|class|const|let|var|interface|type|enum|namespace|abstract)\b",
    re.MULTILINE,
)

IMPORTS = re.compile(
    r"""^import\b[^;'"]*(?:\{[^}]*\}[^;'"]*)?['"][^'"\n]+['"];?|"""
    r"""^(?:const|let|var)\s+[^=\n]+=\s*require\([^)\n]*\);?""",
    re.MULTILINE,
)

IMPORTED = re.compile(
    r"""(?:\bfrom\s*|\brequire\(\s*|^import\s+)['"](\.{1,2}/[^'"\n]+)['"]""", re.MULTILINE
)

JAVASCRIPT = Language(
    id="javascript",
    line_comment="//",
    grammar_module="tree_sitter_javascript",
    scopes=SCOPES,
    bodies=BODIES,
    comments=frozenset({"comment"}),
    holes=HOLES,
    header=HEADER,
    top_level=TOP_LEVEL,
    imports=IMPORTS,
    imported=IMPORTED,
    module_files=("{}", "{}.js", "{}.jsx", "{}.mjs", "{}.cjs", "{}/index.js"),
)
