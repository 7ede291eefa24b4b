"""HTML and CSS, as data. Node kinds are those of tree-sitter-html 0.23 and -css 0.25."""

from __future__ import annotations

import re

from dgls.syntax.language import NOTHING, Language

# Void elements, which have no content and so open no block.
_VOID = "area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr"

HTML = Language(
    id="html",
    line_comment="<!--",
    grammar_module="tree_sitter_html",
    scopes={},
    bodies=frozenset({"element"}),
    comments=frozenset({"comment"}),
    holes="",
    header=re.compile(rf"[ \t]*<(?!(?:{_VOID})\b)[\w-]+(?![^\n]*</)[^\n]*>[ \t]*$", re.MULTILINE),
    top_level=NOTHING,
    block_opener=re.compile(rf"<(?!/|!|(?:{_VOID})\b)[\w-]+(?:[^<>]*[^<>/])?>\s*$"),
    closers=frozenset({"</"}),
)

CSS = Language(
    id="css",
    line_comment="/*",
    grammar_module="tree_sitter_css",
    scopes={},
    bodies=frozenset({"block", "keyframe_block_list"}),
    comments=frozenset({"comment"}),
    holes=r"""
((comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))
""",
    header=re.compile(r"[ \t]*[^\s{};/][^{};\n]*\{[ \t]*$", re.MULTILINE),
    top_level=re.compile(r"^[@.#:\w\[*]", re.MULTILINE),
    block_opener=re.compile(r"\{\s*(?:/\*.*)?$"),
    imports=re.compile(r"^@import [^;\n]*;", re.MULTILINE),
    imported=re.compile(r"""^@import (?:url\()?['"]([^'"\n:]+)['"]""", re.MULTILINE),
    module_files=("{}",),
)
