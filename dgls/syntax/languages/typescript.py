"""TypeScript and TSX, as data. Node kinds and fields are those of tree-sitter-typescript 0.23."""

from __future__ import annotations

from dataclasses import replace

from dgls.syntax.language import ScopeKind
from dgls.syntax.languages.javascript import JAVASCRIPT

TYPESCRIPT = replace(
    JAVASCRIPT,
    id="typescript",
    grammar_module="tree_sitter_typescript",
    grammar_function="language_typescript",
    scopes={
        **JAVASCRIPT.scopes,
        "abstract_class_declaration": ScopeKind.CLASS,
        "interface_declaration": ScopeKind.CLASS,
        "enum_declaration": ScopeKind.CLASS,
    },
    bodies=JAVASCRIPT.bodies | {"interface_body", "enum_body"},
    module_files=("{}", "{}.ts", "{}.tsx", "{}.d.ts", "{}.js", "{}/index.ts", "{}/index.tsx"),
)

TSX = replace(TYPESCRIPT, id="typescriptreact", grammar_function="language_tsx")
