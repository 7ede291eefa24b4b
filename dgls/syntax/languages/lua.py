"""Lua, as data. Node kinds and fields are those of tree-sitter-lua 0.5."""

from __future__ import annotations

import re

from dgls.syntax.language import Language, ScopeKind

_HOLES = r"""
((comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))

((block
   (function_call name: (identifier) @_name arguments: (arguments . (string) @_text))
   @not_implemented)
  (#eq? @_name "error")
  (#match? @_text "(?i)not (yet )?implemented"))

(function_declaration) @scope
(function_definition) @scope
"""

LUA = Language(
    id="lua",
    line_comment="--",
    grammar_module="tree_sitter_lua",
    scopes={"function_declaration": ScopeKind.FUNCTION},
    bodies=frozenset({"block", "function_declaration", "function_definition"}),
    comments=frozenset({"comment"}),
    holes=_HOLES,
    header=re.compile(r"[ \t]*(?:local[ \t]+)?(?:[\w.]+[ \t]*=[ \t]*)?function\b"),
    top_level=re.compile(r"^(?:local|function|return)\b|^\w[\w.]*[ \t]*=", re.MULTILINE),
    block_opener=re.compile(
        r"\b(?:then|do|else|repeat)\s*(?:--.*)?$|\bfunction\b[^()]*\([^()]*\)$"
    ),
    imports=re.compile(r"^local [\w, ]+=\s*require\b.*", re.MULTILINE),
    imported=re.compile(r"""\brequire[ (]*['"]([\w.]+)['"]"""),
    module_files=("{}.lua", "{}/init.lua", "lua/{}.lua", "lua/{}/init.lua"),
    module_separator=".",
    closers=frozenset({"end"}),
)
