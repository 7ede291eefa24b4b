"""The question of clients of every dialect, and its answers: one gap, and the texts for it.

These clients give no line count, so it is chosen here. A line that has begun is finished, and no
more is written, because allowing further lines doubles the time (`docs/experiments.md`). A client
that stops at a line break gets one line too. On an empty line, or after a block opener, the number
of lines follows from the token limit and the length of an ordinary line of code. A token limit does
not guarantee a cut within a line.

They do not name the language either. A prompt may have other files before its own, each after a
special token and its path, as models of the Qwen family read them; those become snippets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from dgls.protocol import Fill, FillReply, FillRequest, Limits, Snippet
from dgls.requests.builder import Asker, Task
from dgls.sound.alike import alike
from dgls.sound.clean import sound
from dgls.sound.site import Site, Wanted
from dgls.syntax.cursor import Budget
from dgls.syntax.detect import detected
from dgls.syntax.language import Language
from dgls.syntax.source import Source
from dgls.text.indentation import indentation
from dgls.text.lines import line_end_of, with_line_ends
from dgls.text.spans import Span

MAX_CANDIDATES = 16
_MAX_LINES = 8
_TOKENS_PER_LINE = 12
_NEAR_CHARS = 4_000
_LINE_BREAKS = {"\n", "\r\n"}
_OPENS_A_BLOCK = (":", "{")
_FILE, _REPOSITORY = "<|file_sep|>", "<|repo_name|>"


@dataclass(frozen=True)
class Question:
    """The request for the text between a prefix and a suffix.

    `path` is that of the file, "" if unknown. `max_tokens` None means no limit, and 0 warms up: the
    prompt is encoded and nothing is filled. A fill ends before the first of `stops`, and before a
    line that is indented by less than `min_indent` characters. `deadline_ms` is as in `Limits`.
    """

    prefix: str
    suffix: str = ""
    path: str = ""
    snippets: tuple[Snippet, ...] = ()
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    min_indent: int = 0
    candidates: int = 1
    deadline_ms: float | None = None
    seed: int = 0

    def unpacked(self) -> Question:
        """The question with its prompt's other files as snippets, and its own file's path."""
        head, *files = self.prefix.split(_FILE)
        if not files:
            return self
        pieces = [each.partition("\n") for each in files]
        others = [Snippet(name.strip(), text) for name, _, text in pieces]
        own = others.pop()
        if head.strip() and not head.startswith(_REPOSITORY):
            others.insert(0, Snippet("", head))
        return replace(self, prefix=own.text, path=own.path, snippets=(*self.snippets, *others))

    @cached_property
    def language(self) -> Language:
        """The language of the file, by its path, its text, and the files beside it."""
        others = [snippet.path for snippet in self.snippets]
        return detected(self.prefix + self.suffix, self.path, others)

    @property
    def max_lines(self) -> int:
        """The most lines of the fill."""
        line = self.prefix.rpartition("\n")[2].rstrip()
        opens = line.endswith(_OPENS_A_BLOCK) or self.language.block_opener.search(line)
        is_begun = line and not opens
        if is_begun or not _LINE_BREAKS.isdisjoint(self.stops):
            return 1
        if self.max_tokens is None or self.max_tokens < 0:
            return _MAX_LINES
        return min(_MAX_LINES, max(1, self.max_tokens // _TOKENS_PER_LINE))

    def request(self, client: str, budget: Budget) -> FillRequest:
        """The engine's request, with its context cut as for an editor.

        It is explicit: such clients do not identify themselves, so none may supersede another. They
        close the connection of a request that they no longer want.
        """
        source = Source.parse(self.prefix + self.suffix, self.language)
        cursor = Span(len(self.prefix), len(self.prefix))
        candidates = 0 if self.max_tokens == 0 else self.candidates
        asker = Asker(client, "infill", path=self.path, snippets=self.snippets, seed=self.seed)
        task = Task.at(source, [cursor], budget, lines=self.max_lines)
        return task.request(asker, Limits(self.deadline_ms, candidates))

    def completions(self, reply: FillReply) -> tuple[Completion, ...]:
        """The sound fills, best first; one empty completion if there is none.

        Fills that differ only in white space count as one.
        """
        fills = reply.candidates if self.max_tokens != 0 else ()
        found: dict[str, Completion] = {}
        for fill in fills:
            completion = self._completion(fill)
            if completion.text:
                found.setdefault(alike(completion.text), completion)
        return tuple(found.values()) or (Completion("", 0, ""),)

    def _completion(self, fill: Fill) -> Completion:
        near = self.prefix[-_NEAR_CHARS:] + self.suffix[:_NEAR_CHARS]
        answer = with_line_ends(fill.texts[0], "\n")
        text, stop = self._stopped(_without_outdented(answer, self.min_indent))
        return Completion(with_line_ends(text, line_end_of(near)), fill.tokens, stop)

    def _stopped(self, answer: str) -> tuple[str, str]:
        """The sound part of an answer up to the first stop, and that stop.

        A stop is applied to the exact character: a sound text is not changed further.
        """
        whole = sound(self._site, answer).text
        stops = [(with_line_ends(stop, "\n"), stop) for stop in self.stops if stop]
        found = [(answer.index(plain), stop) for plain, stop in stops if plain in answer]
        if not found:
            return whole, ""
        end, stop = min(found)
        cut = answer[:end]
        return (cut if whole.startswith(cut) else sound(self._site, cut).text), stop

    @cached_property
    def _site(self) -> Site:
        return Site.between(
            self.prefix, self.suffix, self.language, Wanted(max_lines=self.max_lines)
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """One text for the gap, its number of tokens, and the stop that cut it (or "")."""

    text: str
    tokens: int
    stopped_by: str


def _without_outdented(text: str, least: int) -> str:
    """The text before its first later line with fewer than `least` characters of indentation."""
    first, *others = text.split("\n")
    kept = [first]
    for line in others:
        if line.strip() and len(indentation(line)) < least:
            break
        kept.append(line)
    return "\n".join(kept)
