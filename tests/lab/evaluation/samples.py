"""Tiny tasks in the benchmark's format, a small source tree, and a system with known answers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dgls.lab.evaluation.cases import Case, Kind
from dgls.lab.evaluation.systems import Answer
from dgls.protocol import Gap

TASKS = (
    {
        "task_id": "SingleLineInfilling/Tiny/0/L0",
        "entry_point": "add",
        "prompt": 'def add(a, b):\n    """Add two numbers."""\n',
        "canonical_solution": "    return a + b\n",
        "suffix": "",
        "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n",
    },
    {
        "task_id": "SingleLineInfilling/Tiny/1/L0",
        "entry_point": "largest",
        "prompt": "def largest(items):\n",
        "canonical_solution": "    best = items[0]\n",
        "suffix": "    for item in items:\n        best = max(best, item)\n    return best\n",
        "test": "def check(candidate):\n    assert candidate([1, 3, 2]) == 3\n",
    },
    {
        "task_id": "SingleLineInfilling/Tiny/1/L1",
        "entry_point": "largest",
        "prompt": "def largest(items):\n    best = items[0]\n",
        "canonical_solution": "    for item in items:\n",
        "suffix": "        best = max(best, item)\n    return best\n",
        "test": "def check(candidate):\n    assert candidate([1, 3, 2]) == 3\n",
    },
)
"""Three tasks of two functions, in the format of HumanEval-Infilling."""

ACCOUNTS = '''"""Keep accounts."""

import json


class Account:
    """One account with a balance."""

    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance
        self.history = []

    def deposit(self, amount):
        if amount <= 0:
            raise ValueError("not an amount")
        self.balance += amount
        self.history.append(("deposit", amount))

    def withdraw(self, amount):
        if amount > self.balance:
            raise ValueError("not enough")
        self.balance -= amount
        self.history.append(("withdraw", amount))

    def to_json(self):
        return json.dumps({"owner": self.owner, "balance": self.balance})
'''

SHAPES = """import math


def area(width, height):
    return width * height


def circle(radius):
    return math.pi * radius**2


def total(shapes):
    result = 0
    for shape in shapes:
        # An umlaut beyond ASCII, ä, and one beyond the BMP: 𝄞.
        result += area(shape[0], shape[1])
    return result
"""


def write_tasks(path: Path) -> Path:
    """A benchmark file with `TASKS`; compressed where the name ends in .gz."""
    text = "".join(json.dumps(task) + "\n" for task in TASKS)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def write_tree(folder: Path) -> Path:
    """A source tree of two good files, and others that cannot be cut."""
    files: dict[str, bytes] = {
        "bank/accounts.py": ACCOUNTS.encode(),
        "shapes.py": SHAPES.replace("\n", "\r\n").encode(),
        "broken.py": b"def broken(:\n    return\n",
        "latin.py": b"def f():\n    return '\xe4'\n",
        "data.py": b"NUMBERS = [\n    1,\n    2,\n    3,\n    4,\n]\n",
        "empty.py": b"",
        ".hidden/secret.py": SHAPES.encode(),
        "node_modules/vendored.py": SHAPES.encode(),
        "notes.txt": b"def not_python(): pass\n",
    }
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def make_case(
    before: str, truth: str, after: str, *, name: str = "case", group: str = "", lines: int = 1
) -> Case:
    """A case of one gap."""
    return Case(
        id=name,
        group=group or name,
        path="a.py",
        parts=(before, after),
        gaps=(Gap(max_lines=lines),),
        truth=(truth,),
        kind=Kind.LINE_END,
    )


@dataclass
class Scripted:
    """A system that answers from a table by case id, and records its cases."""

    answers: Mapping[str, Answer]
    name: str = "scripted"
    settings: str = "one"
    threshold: float | None = None
    asked: list[str] = field(default_factory=list)

    def fill(self, case: Case) -> Answer:
        self.asked.append(case.id)
        return self.answers[case.id]
