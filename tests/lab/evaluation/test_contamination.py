"""Which files the contamination guard drops, and which it keeps."""

from __future__ import annotations

import ast
import textwrap
import time

import pytest

from dgls.lab.evaluation.contamination import Contamination

TASK = '''
from typing import List


def close_pairs(numbers: List[float], threshold: float) -> bool:
    """Say whether any two of the numbers lie closer to each other than the threshold.
    >>> close_pairs([1.0, 2.8, 3.0, 4.0, 5.0, 2.0], 0.3)
    True
    """
    for first, left in enumerate(numbers):
        for second, right in enumerate(numbers):
            if first != second:
                distance = abs(left - right)
                if distance < threshold:
                    return True

    return False
'''

OTHER = '''
"""Keep accounts."""

import json


class Account:
    """One account with a balance."""

    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance

    def deposit(self, amount):
        """Say whether the money was taken."""
        for limit in self.limits:
            if amount > limit:
                return False
        self.balance += amount
        return True

    def to_json(self):
        return json.dumps({"owner": self.owner, "balance": self.balance})
'''

CODE_ALONE = "\n".join(TASK.splitlines()[4:5] + TASK.splitlines()[9:])
PROSE_ALONE = '"""' + TASK.split('"""')[1].replace("\n", "  \n") + '"""\nANSWER = 1\n'


class _Rename(ast.NodeTransformer):
    """Renames every name that the task itself chose."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        kept = {"enumerate", "abs", "List", "float", "bool"}
        node.id = node.id if node.id in kept else f"other_{node.id}"
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = f"other_{node.arg}"
        return node


def renamed(source: str) -> str:
    return ast.unparse(_Rename().visit(ast.parse(source)))


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("the task itself", TASK),
        ("within another file", OTHER + textwrap.indent(TASK, "        ") + OTHER),
        ("the code without its docstring", CODE_ALONE),
        ("the docstring without its code, other layout", PROSE_ALONE),
        ("other quotes and white space", TASK.replace('"""', "'''").replace("    ", "  ")),
        ("comments between the lines", CODE_ALONE.replace("\n", "  # see above\n")),
        ("other names, no docstring", renamed(CODE_ALONE)),
        ("upper case", TASK.upper()),
    ],
)
def test_a_task_and_its_near_copies_are_recognised(what: str, text: str) -> None:
    assert Contamination.of([TASK]).matches(text), what


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("another file", OTHER),
        ("nothing", ""),
        ("the import line of the task", "from typing import List\n"),
        ("a short line of the task", "if distance < threshold:\n    return True\nreturn False\n"),
        ("the loop header", "for first, left in enumerate(numbers):\n    print(first, left)\n"),
        ("much of nothing", "x = 0\n" * 2000),
    ],
)
def test_common_lines_do_not_make_a_copy(what: str, text: str) -> None:
    assert not Contamination.of([TASK]).matches(text), what


def test_a_guard_without_tasks_matches_nothing() -> None:
    assert not Contamination.of([]).matches(TASK)


def test_a_task_too_short_to_recognise_matches_nothing() -> None:
    assert not Contamination.of(["return x\n"]).matches("def f(x):\n    return x\n")


def test_a_megabyte_takes_well_under_a_second() -> None:
    guard = Contamination.of([TASK])
    text = (OTHER * 1600)[:1_000_000]
    # Processor time, because the machine may be busy; 200 MB must take tens of seconds at most.
    before = time.process_time()
    assert not guard.matches(text)
    assert time.process_time() - before < 1.0
