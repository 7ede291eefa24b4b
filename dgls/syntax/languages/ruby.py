"""Ruby, as data. Node kinds and fields are those of tree-sitter-ruby 0.23."""

from __future__ import annotations

import re

from dgls.syntax.language import Language, ScopeKind

_HOLES = r"""
((comment) @todo
  (#match? @todo "\\b(TODO|FIXME)\\b"))

((body_statement (call method: (identifier) @_name arguments: (argument_list . (constant) @_error))
   @not_implemented)
  (#eq? @_name "raise")
  (#eq? @_error "NotImplementedError"))

(method) @scope
(singleton_method) @scope
"""

RUBY = Language(
    id="ruby",
    line_comment="#",
    grammar_module="tree_sitter_ruby",
    scopes={
        "method": ScopeKind.FUNCTION,
        "singleton_method": ScopeKind.FUNCTION,
        "class": ScopeKind.CLASS,
        "module": ScopeKind.CLASS,
    },
    bodies=frozenset({"body_statement", "method", "singleton_method", "class", "module"}),
    comments=frozenset({"comment"}),
    holes=_HOLES,
    header=re.compile(r"[ \t]*(?:(?:private|protected|public)[ \t]+)?(?:def|class|module)\b"),
    top_level=re.compile(r"^(?:def|class|module)\b", re.MULTILINE),
    block_opener=re.compile(
        r"\b(?:do|then|else|begin|ensure|rescue)(?:\s*\|[^|]*\|)?\s*(?:#.*)?$|"
        r"^\s*(?:def|class|module|if|unless|elsif|while|until|case|when|for|rescue)\b(?!.*\b(?:end|then)\b)"
    ),
    imports=re.compile(r"^require(?:_relative)? .*", re.MULTILINE),
    imported=re.compile(r"""^require_relative ['"]([^'"\n]+)['"]""", re.MULTILINE),
    module_files=("{}.rb", "{}"),
    closers=frozenset({"end"}),
)
