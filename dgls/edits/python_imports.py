"""The import statements of a Python file, and the uses of a name in it."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from dgls.edits.memo import once_a_source
from dgls.edits.tree import above, text_of
from dgls.syntax.source import Source
from dgls.text.spans import Span

_STATEMENTS = frozenset({"import_statement", "import_from_statement", "future_import_statement"})
_KEPT = re.compile(r"#.*\b(noqa|F401|pylint|re-?export)", re.IGNORECASE)
_PATTERNS = frozenset(
    [
        "pattern_list",
        "tuple_pattern",
        "list_pattern",
        "tuple",
        "list",
        "list_splat_pattern",
        "dotted_name",
    ]
)
_BINDS = {
    "assignment": "left",
    "augmented_assignment": "left",
    "for_statement": "left",
    "for_in_clause": "left",
    "named_expression": "name",
    "function_definition": "name",
    "class_definition": "name",
    "default_parameter": "name",
    "typed_default_parameter": "name",
    "type_alias_statement": "left",
}
_BINDERS = frozenset(
    [
        "parameters",
        "lambda_parameters",
        "as_pattern_target",
        "global_statement",
        "nonlocal_statement",
        "delete_statement",
        "case_pattern",
        "type_parameter",
        "dictionary_splat_pattern",
    ]
)
_SIGNS = re.compile(r"\s*([\[\]|,])\s*")
_NAMELIKE = re.compile(r"[\w.\[\]|,]+\Z")
BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True, slots=True)
class Name:
    """One name of an import: `text` as written, `bound` as the file uses it."""

    text: str
    bound: str
    span: Span


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement; `module` is empty for `import a`, `span` covers its whole lines.

    `place` is "" at the top of the file, "typing" in an `if TYPE_CHECKING:`, "nested" elsewhere.
    `is_kept` marks one that must stay: a comment says so, or another statement shares its lines.
    """

    module: str
    names: tuple[Name, ...]
    span: Span
    place: str
    is_kept: bool


@once_a_source
def imports_of(source: Source) -> tuple[Import, ...]:
    """All imports of a file, in text order. A star import binds the name `*`."""
    return tuple(_imports(source)) if "import" in source.text else ()


def _imports(source: Source) -> Iterator[Import]:
    for found in re.finditer(r"(?m)^[ \t]*(?:import|from)\b", source.text):
        node = source.node_at(Span(found.end() - 1, found.end()))
        statement = node.parent
        if statement is not None and statement.type in _STATEMENTS:
            yield _import(source, statement)


def _import(source: Source, node: Node) -> Import:
    module = text_of(node.child_by_field_name("module_name"))
    if node.type == "future_import_statement":
        module = "__future__"
    names = tuple(_name(source, each, module) for each in node.children_by_field_name("name"))
    if any(each.type == "wildcard_import" for each in node.children):
        names = (Name("*", "*", source.span(node)),)
    own = source.span(node)
    end = source.text.find("\n", own.end)
    span = Span(source.text.rfind("\n", 0, own.start) + 1, len(source.text) if end < 0 else end + 1)
    beside = source.text[span.start : own.start] + source.text[own.end : span.end]
    is_kept = bool(_KEPT.search(span.of(source.text)) or beside.split("#")[0].strip())
    return Import(module, names, span, _place(node), is_kept)


def _name(source: Source, node: Node, module: str) -> Name:
    text, alias = " ".join(text_of(node).split()), node.child_by_field_name("alias")
    bound = text_of(alias) if alias is not None else text
    return Name(text, bound if module else bound.split(".")[0], source.span(node))


def _place(node: Node) -> str:
    around = [each for each in above(node) if each.type != "block"]
    if len(around) == 1:
        return ""
    if len(around) == 2 and around[0].type == "if_statement":
        condition = text_of(around[0].child_by_field_name("condition"))
        if condition.rpartition(".")[2] == "TYPE_CHECKING":
            return "typing"
    return "nested"


def occurrences(source: Source, name: str) -> Iterator[tuple[Span, str]]:
    """The places of a name and its role: "use", "binding", "import" or "mention".

    A mention is a string that may be an annotation or an entry of `__all__`; prose does not count.
    """
    for found in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", source.text):
        span = Span(*found.span())
        role = _role(source.node_at(span))
        if role:
            yield span, role


def is_used(source: Source, name: str) -> bool:
    """Whether anything but imports uses a name."""
    return any(role != "import" for _, role in occurrences(source, name))


def _role(node: Node) -> str:
    around = list(above(node))
    if node.type == "comment":
        return "mention" if "type:" in text_of(node) else ""
    if "string" in node.type:
        text = _SIGNS.sub(r"\1", text_of(node).strip("'\""))
        return "mention" if _NAMELIKE.match(text) else ""
    if any(each.type in _STATEMENTS for each in around[:3]):
        return "import"
    if node.type != "identifier":
        return "use" if node.type == "ERROR" else ""
    parent = around[0]
    if parent.type == "attribute" and parent.child_by_field_name("attribute") == node:
        return ""
    if parent.type == "keyword_argument" and parent.child_by_field_name("name") == node:
        return ""
    return "binding" if _binds(node, around) else "use"


def _binds(node: Node, around: list[Node]) -> bool:
    inner = node
    for each in around:
        if each.type in _BINDERS:
            return True
        field = _BINDS.get(each.type)
        if field is not None:
            return each.child_by_field_name(field) == inner
        if each.type == "typed_parameter":
            return each.children[0] == inner
        if each.type not in _PATTERNS:
            return False
        inner = each
    return False


@once_a_source
def defined(source: Source) -> frozenset[str]:
    """The names of the functions, classes and variables at a file's top level."""
    found = set[str]()
    for each in source.tree.root_node.children:
        if each.type == "decorated_definition":
            each = each.child_by_field_name("definition") or each
        if each.type in {"function_definition", "class_definition"}:
            found.add(text_of(each.child_by_field_name("name")))
        elif each.type == "expression_statement":
            for part in each.children[:1]:
                left = part.child_by_field_name("left")
                if part.type == "assignment" and left is not None and left.type == "identifier":
                    found.add(text_of(left))
    return frozenset(found)


def words(source: Source, span: Span) -> frozenset[str]:
    """The names that the code in a span uses."""
    start, end = source.byte_offset(span.start), source.byte_offset(span.end)
    found, waiting = set[str](), [source.node_at(span)]
    while waiting:
        node = waiting.pop()
        if node.type == "identifier" and _role(node) == "use":
            found.add(text_of(node))
        waiting += [
            each for each in node.children if each.start_byte < end and start < each.end_byte
        ]
    return frozenset(found)
