"""Markdown, as data. Node kinds are those of tree-sitter-markdown 0.5, its grammar of blocks."""

from __future__ import annotations

import re

from dgls.syntax.language import NOTHING, Language

MARKDOWN = Language(
    id="markdown",
    line_comment="<!--",
    grammar_module="tree_sitter_markdown",
    scopes={},
    bodies=frozenset({"list", "section"}),
    comments=frozenset({"html_block"}),
    holes="",
    header=re.compile(r"[ \t]*(?:[-*+]|\d+[.)])[ \t]+\S"),
    top_level=re.compile(r"^#{1,6} ", re.MULTILINE),
    block_opener=NOTHING,
    closers=frozenset(),
)
