"""Bash, as data. Node kinds and fields are those of tree-sitter-bash 0.25."""

from __future__ import annotations

import re

from dgls.syntax.language import Language, ScopeKind

# A function without a command is a syntax error, so `:` marks one that is not written yet.
_HOLES = r"""
((comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))

((function_definition
   body: (compound_statement (command . name: (command_name) @_name .) @pass))
  (#eq? @_name ":"))
"""

BASH = Language(
    id="shellscript",
    line_comment="#",
    grammar_module="tree_sitter_bash",
    scopes={"function_definition": ScopeKind.FUNCTION},
    bodies=frozenset({"compound_statement", "do_group"}),
    comments=frozenset({"comment"}),
    holes=_HOLES,
    header=re.compile(r"[ \t]*(?:function[ \t]+[\w:.-]+|[\w:.-]+[ \t]*\(\))"),
    top_level=re.compile(r"^(?:function\b|[\w:.-]+[ \t]*\(\))", re.MULTILINE),
    block_opener=re.compile(r"(?:\{|\b(?:then|do|else)|\bin|\))\s*(?:#.*)?$"),
    imports=re.compile(r"^(?:source|\.) .*", re.MULTILINE),
    imported=re.compile(r"""^(?:source|\.) ["']?(?:\$\{?\w+\}?/)?([\w./-]+)""", re.MULTILINE),
    module_files=("{}",),
    closers=frozenset({"}", "done", "fi", "esac"}),
)
