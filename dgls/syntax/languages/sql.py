"""SQL, as data. Node kinds are those of tree-sitter-sql 0.3."""

from __future__ import annotations

import re

from dgls.syntax.language import Language

SQL = Language(
    id="sql",
    line_comment="--",
    grammar_module="tree_sitter_sql",
    scopes={},
    bodies=frozenset({"column_definitions", "block", "function_body"}),
    comments=frozenset({"comment", "marginalia"}),
    holes=r"""
((comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))
""",
    header=re.compile(
        r"[ \t]*(?:create|alter)\b[^;\n]*(?:\(|\bas|\btable\b[^;\n]*)[ \t]*$|"
        r"[ \t]*(?:with|select|insert|update|delete|case|begin)\b[^;\n]*$",
        re.IGNORECASE | re.MULTILINE,
    ),
    top_level=re.compile(
        r"^(?:create|alter|drop|select|insert|update|delete|with|grant|revoke|begin|commit|set)\b",
        re.IGNORECASE | re.MULTILINE,
    ),
    block_opener=re.compile(
        r"(?:\(|\b(?:select|from|where|set|values|as|begin|then|else|loop))\s*(?:--.*)?$",
        re.IGNORECASE,
    ),
    closers=frozenset({")"}),
)
