"""Answers and verdicts kept in a folder, so that a run continues where the last one stopped."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dgls.errors import InputError
from dgls.lab.evaluation.cases import Case
from dgls.lab.evaluation.execution import RunLimits, Verdict, run_program
from dgls.lab.evaluation.systems import Answer, System


@dataclass(frozen=True, slots=True)
class Key:
    """Identifies the question of an answer."""

    case: str
    system: str
    settings: str

    @classmethod
    def of(cls, case: Case, system: System) -> Key:
        """The key; the settings are hashed, so that lines stay short."""
        digest = hashlib.sha256(system.settings.encode()).hexdigest()[:16]
        return cls(case.id, system.name, digest)


class _Journal:
    """An append-only file of JSON lines. Without a path it is in memory only.

    A last line that was cut off during writing is dropped.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.lines: list[dict[str, Any]] = []
        if path is not None and path.is_file():
            self.lines = self._read(path)

    def add(self, line: dict[str, Any]) -> None:
        """Add a line; it is on disk when this returns."""
        self.lines.append(line)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    @staticmethod
    def _read(path: Path) -> list[dict[str, Any]]:
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            with path.open("r+b") as file:
                file.truncate(len(whole))
        try:
            return [json.loads(line) for line in whole.splitlines()]
        except ValueError as error:
            raise InputError(
                f"{path} is not a journal of dgls eval ({error}); it was left as it is. "
                f"Give another folder with --out."
            ) from error


class Answers:
    """The answers so far."""

    def __init__(self, folder: Path | None = None) -> None:
        self._journal = _Journal(folder / "answers.jsonl" if folder else None)
        self._answers: dict[Key, Answer] = {}
        try:
            for line in self._journal.lines:
                fields = {**line["answer"], "texts": tuple(line["answer"]["texts"])}
                self._answers[Key(**line["key"])] = Answer(**fields)
        except (KeyError, TypeError) as error:
            raise InputError(
                f"The answers in {folder} were written by another version of dgls ({error}); "
                f"they were left as they are. Give another folder with --out."
            ) from error

    def get(self, key: Key) -> Answer | None:
        """The answer, if it is known."""
        return self._answers.get(key)

    def add(self, key: Key, answer: Answer) -> None:
        """Add an answer."""
        self._journal.add({"key": asdict(key), "answer": asdict(answer)})
        self._answers[key] = answer


class Verdicts:
    """The results of test programs, each run once."""

    def __init__(self, folder: Path | None = None, limits: RunLimits | None = None) -> None:
        self._limits = limits or RunLimits()
        self._journal = _Journal(folder / "verdicts.jsonl" if folder else None)
        self._outcomes: dict[str, str] = {
            str(line["program"]): str(line["outcome"]) for line in self._journal.lines
        }

    def of(self, program: str) -> Verdict:
        """The verdict of a program, from an earlier run or a new one."""
        text = f"{self._limits}\0{program}".encode(errors="surrogatepass")
        name = hashlib.sha256(text).hexdigest()
        if name not in self._outcomes:
            outcome = run_program(program, self._limits).outcome
            self._journal.add({"program": name, "outcome": outcome})
            self._outcomes[name] = outcome
        return Verdict(self._outcomes[name])
