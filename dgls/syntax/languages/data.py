"""JSON, YAML and TOML, as data. They hold no code, so they have no scopes.

Node kinds are those of tree-sitter-json 0.24, -yaml 0.7 and -toml 0.7.
"""

from __future__ import annotations

import re

from dgls.syntax.language import NOTHING, Language

_TODO = r"""
((comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))
"""

JSON = Language(
    id="json",
    line_comment="//",
    grammar_module="tree_sitter_json",
    scopes={},
    bodies=frozenset({"object", "array"}),
    comments=frozenset({"comment"}),
    holes="",
    header=re.compile(r'[ \t]*"[^"\n]*"[ \t]*:[ \t]*[\[{][ \t]*$', re.MULTILINE),
    top_level=NOTHING,
    block_opener=re.compile(r"[\[{]\s*$"),
    closers=frozenset({"}", "]"}),
)

YAML = Language(
    id="yaml",
    line_comment="#",
    grammar_module="tree_sitter_yaml",
    scopes={},
    bodies=frozenset({"block_node", "block_mapping", "block_sequence"}),
    comments=frozenset({"comment"}),
    holes=_TODO,
    header=re.compile(r"[ \t]*(?:- +)*[^\s#][^#\n]*:[ \t]*(?:#.*)?$", re.MULTILINE),
    top_level=re.compile(r"^[\w\"']", re.MULTILINE),
    block_opener=re.compile(r":\s*(?:[|>][+-]?)?\s*(?:#.*)?$"),
    closers=frozenset(),
)

TOML = Language(
    id="toml",
    line_comment="#",
    grammar_module="tree_sitter_toml",
    scopes={},
    bodies=frozenset({"table", "table_array_element"}),
    comments=frozenset({"comment"}),
    holes=_TODO,
    header=re.compile(r"[ \t]*\[{1,2}[^\]\n]+\]{1,2}[ \t]*(?:#.*)?$", re.MULTILINE),
    top_level=re.compile(r"^\[", re.MULTILINE),
    block_opener=re.compile(r"^\s*\[{1,2}[\w.\"'-]+\]{1,2}\s*(?:#.*)?$|=\s*\[\s*$"),
    closers=frozenset(),
)
