"""Two ways from a keystroke to a suggestion: dgls's own, and the simplest one for comparison."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from dgls.client import EngineClient
from dgls.editors.language_client import LanguageClient
from dgls.errors import Stopped
from dgls.lab.bench.document import Document
from dgls.protocol import Limits, Trigger
from dgls.requests.builder import Asker, Task
from dgls.syntax.cursor import Budget
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text.lines import Lines
from dgls.text.spans import Edit, Span


@dataclass(frozen=True, slots=True)
class Answer:
    """What to show: `text` at offset `at`. An empty text clears the suggestion."""

    at: int
    text: str


class Front(Protocol):
    """One open document of an editor."""

    async def open(self, name: str, text: str) -> None:
        """Open a document."""

    def change(self, edit: Edit, before: str) -> None:
        """Report an edit of the text `before`."""

    async def suggest(self, text: str, cursor: int) -> Answer | None:
        """What to show at a cursor of a text; None if the request was dropped."""


@dataclass
class ServerFront:
    """The real `dgls lsp`, asked after each keystroke as VS Code does."""

    client: LanguageClient
    _document: Document = field(init=False)

    async def open(self, name: str, text: str) -> None:
        """`didOpen`."""
        language = language_of(name).id
        self._document = Document(self.client, f"file:///replay/{name}", text, language)

    def change(self, edit: Edit, before: str) -> None:
        """`didChange`."""
        lines, span = Lines(before), edit.span
        self._document.change(_position(lines, span.start), _position(lines, span.end), edit.text)

    async def suggest(self, text: str, cursor: int) -> Answer | None:
        """`inlineCompletion`; the first item is shown."""
        lines = Lines(text)
        items = await self._document.suggestions(_position(lines, cursor))
        if not items:
            return None
        start = items[0]["range"]["start"]
        at = lines.starts[start["line"]] + start["character"]
        return Answer(at, items[0]["insertText"])


@dataclass
class PlainFront:
    """No policy: the engine is asked at each keystroke, and every answer is shown."""

    client: EngineClient
    who: str
    _path: str = ""
    _source: Source = field(default_factory=lambda: Source.parse("", language_of("a.py")))

    async def open(self, name: str, text: str) -> None:
        """Keep the text."""
        self._path, self._source = name, Source.parse(text, language_of(name))

    def change(self, edit: Edit, before: str) -> None:
        """Keep the text up to date."""
        self._source = self._source.edited([edit])

    async def suggest(self, text: str, cursor: int) -> Answer | None:
        """The model's first candidate, unchecked."""
        asker = Asker(self.who, trigger=Trigger.AUTOMATIC, path=self._path)
        task = Task.at(self._source, [Span(cursor, cursor)], Budget(), lines=1)
        request = task.request(asker, Limits(2000.0))
        try:
            reply = await self.client.fill(request)
        except Stopped:
            return None
        return Answer(cursor, reply.best.texts[0])


def _position(lines: Lines, offset: int) -> dict[str, int]:
    place = lines.position(offset)
    return {"line": place.line, "character": place.column}
