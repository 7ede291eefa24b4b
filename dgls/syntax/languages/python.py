"""Python, as data. Node kinds and fields are those of tree-sitter-python 0.25."""

from __future__ import annotations

import re

from dgls.syntax.language import Language, ScopeKind

_HOLES = r"""
(pass_statement) @pass

(expression_statement . (ellipsis) .) @ellipsis

(raise_statement . (identifier) @_name
  (#eq? @_name "NotImplementedError")) @not_implemented
(raise_statement . (call function: (identifier) @_name)
  (#eq? @_name "NotImplementedError")) @not_implemented

((comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))

(block) @block

(function_definition
  body: (block . (comment)* . (expression_statement (string)) @docstring))
(class_definition
  body: (block . (comment)* . (expression_statement (string)) @docstring))
"""

# `from __future__` imports no name that a fill could use.
_IMPORT = r"^(?:from (?!__future__)[\w.]+ import(?: *\([^)]*\)|.*)|import [\w.]+.*)"

PYTHON = Language(
    id="python",
    line_comment="#",
    grammar_module="tree_sitter_python",
    scopes={
        "function_definition": ScopeKind.FUNCTION,
        "class_definition": ScopeKind.CLASS,
    },
    bodies=frozenset({"block"}),
    blocks=frozenset({"block"}),
    closers=frozenset(),
    comments=frozenset({"comment"}),
    holes=_HOLES,
    imports=re.compile(_IMPORT, re.MULTILINE),
    header=re.compile(r"[ \t]*(?:async[ \t]+def|def|class)\b"),
    top_level=re.compile(r"^(?:@|(?:async def|def|class)\b)", re.MULTILINE),
    block_opener=re.compile(r":\s*(?:#.*)?$"),
    imported=re.compile(r"^(?:from ([\w.]+) import|import ([\w.]+))", re.MULTILINE),
    module_files=("{}.py", "{}/__init__.py"),
    module_separator=".",
)
