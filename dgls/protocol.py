"""What a front-end asks of the engine and what it gets back.

The types know nothing of LSP, torch or HTTP. They travel as JSON over the engine's socket
(`docs/protocol.md`); `to_json` and `from_json` are the only place that knows how.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from dgls.errors import DglsError, EngineError, EngineProtocolError

T = TypeVar("T")


class Trigger(StrEnum):
    """Why a fill is asked for. A newer automatic request supersedes an older one; nothing else."""

    AUTOMATIC = "automatic"
    EXPLICIT = "explicit"


@dataclass(frozen=True, slots=True)
class Gap:
    """One place to fill.

    `text` is what stands there now: a cursor is an empty gap, a selection is not. `strength` is
    the share of `text` that is noised before it is denoised: 1.0 rewrites it, less repairs it.
    `max_lines` bounds the fill: 1 keeps it on the cursor's line.
    """

    text: str = ""
    strength: float = 1.0
    max_lines: int = 1


@dataclass(frozen=True, slots=True)
class Snippet:
    """Text from elsewhere that helps: another open file's outline, a recent edit."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a fill may cost. `deadline_ms` counts from arrival at the engine; None: none.

    With 0 `candidates` the prompt is encoded, so that the next fill there is quicker, and nothing
    is filled. The model reads `prefix_chars` and `suffix_chars` of the document at most; None
    leaves that to the model.
    """

    deadline_ms: float | None = None
    candidates: int = 1
    prefix_chars: int | None = None
    suffix_chars: int | None = None


@dataclass(frozen=True, slots=True)
class FillRequest:
    """Fill every gap between the `parts` of a document.

    `parts` has one element more than `gaps`: `parts[0]` is the prefix, `parts[-1]` the suffix,
    those between lie between two gaps. The prefix begins at an anchored line start, so that
    typing extends it instead of sliding it (`dgls.syntax.cursor`). `client`, `path` and `method`
    together say which older automatic request this one supersedes. `around` is more of the document
    before the first gap and behind the last one than `parts` hold, up to the gaps: the model does
    not read it, but texts are copied from it.
    """

    parts: tuple[str, ...]
    gaps: tuple[Gap, ...] = (Gap(),)
    path: str = ""
    language: str = "python"
    version: int = 0
    client: str = ""
    method: str = ""
    trigger: Trigger = Trigger.EXPLICIT
    snippets: tuple[Snippet, ...] = ()
    limits: Limits = field(default_factory=Limits)
    seed: int = 0
    around: tuple[str, str] = ("", "")
    instruction: str = ""

    def __post_init__(self) -> None:
        if len(self.parts) != len(self.gaps) + 1:
            raise EngineProtocolError(
                f"A request with {len(self.gaps)} gaps needs {len(self.gaps) + 1} parts, "
                f"not {len(self.parts)}; nothing was filled."
            )
        if len(self.around) != 2:
            raise EngineProtocolError(
                f"'around' has a text before the gaps and one after them, not {len(self.around)} "
                f"texts; nothing was filled."
            )
        if self.instruction and not (len(self.gaps) == 1 and self.gaps[0].text.strip()):
            raise EngineProtocolError(
                "An 'instruction' needs one gap that holds the code to edit; nothing was changed."
            )


@dataclass(frozen=True, slots=True)
class Fill:
    """One candidate: a text for each gap, in order.

    `score` is the judge's summed log-probability in nats (higher is better). `confidence` is the
    calibrated probability in 0..1 that the fill is what the user wants. `proposal` says where it
    came from: "draft" (causal), "beam" (a search beside it), "revised" (that draft after denoise
    passes), "noise", "kept" (what typing has left of the document's last draft, denoised again),
    "copied" (from a like place of the document), or "edit" (the answer to an instruction).
    `tokens` is how many it takes, the ends of its gaps left out; 0 where the backend does not say.
    `features` are the numbers that the confidence was made of, by name, where the backend says.
    """

    texts: tuple[str, ...]
    score: float
    confidence: float
    proposal: str = "noise"
    tokens: int = 0
    features: dict[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds spent in each stage of one fill."""

    queue_ms: float = 0.0
    encode_ms: float = 0.0
    draft_ms: float = 0.0
    denoise_ms: float = 0.0
    judge_ms: float = 0.0
    total_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class FillReply:
    """The candidates, best first (none only where none was asked for), and what they cost.

    `complete` is False where a deadline ended the fill early and the best draft so far is given.
    `steps` counts denoise steps, or passes of the causal stream, which wrote `written` tokens in
    them; `passes` counts all forward passes of the model. `prompt_tokens` is the causal prompt,
    `cached_tokens` the part of it that was not encoded again. `threshold` is the
    least confidence at which the model's fills should be shown unasked, fitted with it. `present`
    is the score of the text that the gaps hold now; None where they hold none or it has no score.
    `note` is one sentence that the user should be told once, such as that another model fills for
    a server that is down.
    """

    candidates: tuple[Fill, ...]
    model: str
    complete: bool = True
    steps: int = 0
    written: int = 0
    passes: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    timings: Timings = field(default_factory=Timings)
    threshold: float = 0.5
    present: float | None = None
    note: str = ""

    @property
    def best(self) -> Fill:
        """The candidate that the judge ranks first."""
        return self.candidates[0]


DENOISED, WRITTEN = "denoised", "written"
"""How a draft came about: on a canvas, or token by token with drafts that are verified."""


@dataclass(frozen=True, slots=True)
class LastFill:
    """The last fill that an engine made, as it keeps it in memory: `dgls why` asks for it.

    `age_s` is how many seconds ago it was made.
    """

    request: FillRequest
    reply: FillReply
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Draft:
    """All that there is after one denoise step or one pass, as text: `texts` as in `Fill`.

    Of the kind "denoised" `tokens` are what the open canvas positions hold, in order, and
    `accepted` says whether the sampler accepted each. Of the kind "written" `tokens` are those of
    the pass: the ones that it wrote, which are `accepted`, and after them the drafts it refused;
    `ahead` are the drafts that the next pass reads, which may be refused then.
    """

    step: int
    texts: tuple[str, ...]
    tokens: tuple[str, ...] = ()
    accepted: tuple[bool, ...] = ()
    kind: str = DENOISED
    ahead: tuple[str, ...] = ()


OnDraft = Callable[[Draft], None]
"""Called with the whole canvas after each denoise step; in the engine, from the fill's thread."""


class EngineState(StrEnum):
    """Where an engine stands between its start and its first fill."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Health:
    """What an engine says of itself.

    `percent` (0..100) is how much of the model is loaded; `message` is what it is doing, or, in
    the state "failed", one sentence that says why. `kind` is then the error's class in
    `dgls.errors`, as in a failed reply. `device` is where the model runs, empty where the backend
    does not say; `cores` is how many CPU cores it takes there, 0 elsewhere. `languages` are those
    that the model was trained on, none where it reads all.
    """

    state: EngineState
    percent: float = 0.0
    message: str = ""
    kind: str = ""
    model: str = ""
    version: str = ""
    pid: int = 0
    device: str = ""
    languages: tuple[str, ...] = ()
    cores: int = 0


def to_json(value: FillRequest | FillReply | LastFill | Draft | Health) -> str:
    """The value as one compact line of JSON."""
    return json.dumps(dataclasses.asdict(value), ensure_ascii=False, separators=(",", ":"))


def request_from_json(data: str | bytes) -> FillRequest:
    """Parse a request. Raises `EngineProtocolError` for anything else."""
    fields = _fields(data, FillRequest)
    try:
        _check_numbers(fields)
    except RecursionError as error:
        raise EngineProtocolError("Not a FillRequest: it is nested too deep.") from error
    fields["parts"] = tuple(_strings(fields.get("parts", ())))
    fields["around"] = tuple(_strings(fields.get("around", ["", ""])))
    fields["gaps"] = tuple(_build(Gap, gap) for gap in _list(fields, "gaps", [{}]))
    snippets = _list(fields, "snippets", [])
    fields["snippets"] = tuple(_build(Snippet, snippet) for snippet in snippets)
    fields["limits"] = _build(Limits, fields.get("limits", {}))
    try:
        fields["trigger"] = Trigger(fields.get("trigger", "explicit"))
    except ValueError as error:
        raise EngineProtocolError(f"Not a fill request: {error}.") from error
    return _build(FillRequest, fields)


def reply_from_json(data: str | bytes) -> FillReply:
    """Parse a reply. Raises `EngineProtocolError` for anything else."""
    fields = _fields(data, FillReply)
    if "candidates" not in fields:
        raise EngineProtocolError("Not a FillReply: it has no candidates.")
    candidates = [_texts(candidate) for candidate in _list(fields, "candidates", [])]
    fields["candidates"] = tuple(_build(Fill, candidate) for candidate in candidates)
    fields["timings"] = _build(Timings, fields.get("timings", {}))
    return _build(FillReply, fields)


def last_from_json(data: str | bytes) -> LastFill:
    """Parse the last fill. Raises `EngineProtocolError` for anything else."""
    fields = _fields(data, LastFill)
    fields["request"] = request_from_json(json.dumps(fields.get("request")))
    fields["reply"] = reply_from_json(json.dumps(fields.get("reply")))
    return _build(LastFill, fields)


def draft_from_json(data: str | bytes) -> Draft:
    """Parse a draft. Raises `EngineProtocolError` for anything else."""
    fields = _texts(_fields(data, Draft))
    for name in ("tokens", "accepted", "ahead"):
        fields[name] = tuple(_list(fields, name, []))
    return _build(Draft, fields)


def health_from_json(data: str | bytes) -> Health:
    """Parse an engine's health. Raises `EngineProtocolError` for anything else."""
    fields = _fields(data, Health)
    try:
        fields["state"] = EngineState(fields.get("state", ""))
    except ValueError as error:
        raise EngineProtocolError(f"Not an engine's health: {error}.") from error
    fields["languages"] = tuple(_strings(fields.get("languages", ())))
    return _build(Health, fields)


def error_to_json(error: DglsError) -> str:
    """The error as `{"error": {"kind", "message"}}`: its class by name, and its sentence."""
    body = {"error": {"kind": type(error).__name__, "message": str(error)}}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def error_from_json(data: str | bytes) -> DglsError:
    """The error of a failed reply, of its own class; an unknown kind becomes `EngineError`.

    Raises `EngineProtocolError` for anything else.
    """
    fields = _fields(data, DglsError).get("error")
    if not isinstance(fields, dict):
        raise EngineProtocolError("Not an error of the engine: a field 'error' was expected.")
    return error_of_kind(str(fields.get("kind", "")), str(fields.get("message", "")))


def error_of_kind(kind: str, message: str) -> DglsError:
    """An error of the class `kind` of `dgls.errors`; an unknown kind becomes `EngineError`."""
    return _error_kinds(DglsError).get(kind, EngineError)(message)


def _error_kinds(root: type[DglsError]) -> dict[str, type[DglsError]]:
    kinds = {root.__name__: root}
    for child in root.__subclasses__():
        kinds |= _error_kinds(child)
    return kinds


def _fields(data: str | bytes, kind: type) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        # The parser's message names a position and never quotes the text, so it may be shown.
        raise EngineProtocolError(f"Not a {kind.__name__}: not JSON ({error}).") from error
    if not isinstance(value, dict):
        raise EngineProtocolError(f"Not a {kind.__name__}: a JSON object was expected.")
    return value


def _texts(fields: Any) -> dict[str, Any]:
    if not isinstance(fields, dict):
        raise EngineProtocolError("Not a fill: a JSON object was expected.")
    return {**fields, "texts": tuple(_strings(fields.get("texts", ())))}


def _list(fields: dict[str, Any], name: str, default: list[Any]) -> list[Any]:
    value = fields.get(name, default)
    if not isinstance(value, list):
        raise EngineProtocolError(f"'{name}' must be a list.")
    return value


def _strings(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise EngineProtocolError("A list of strings was expected.")
    return value


def _build(kind: type[T], fields: Any) -> T:
    if not isinstance(fields, dict):
        raise EngineProtocolError(f"Not a {kind.__name__}: a JSON object was expected.")
    for declared in dataclasses.fields(kind):  # type: ignore[arg-type]
        name, wanted = declared.name, str(declared.type)
        if name in fields and not _is_plain(fields[name], wanted):
            raise EngineProtocolError(f"Not a {kind.__name__}: '{name}' must be {wanted}.")
    try:
        return kind(**fields)
    except TypeError as error:
        raise EngineProtocolError(f"Not a {kind.__name__}: {error}.") from error


_PLAIN: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "float | None": (int, float, type(None)),
}


def _is_plain(value: Any, wanted: str) -> bool:
    """Whether `value` has the plain type `wanted`; other types are built, not checked."""
    allowed = _PLAIN.get(wanted)
    if allowed is None:
        return True
    # JSON's true is an int in Python; it is none here.
    return bool in allowed if isinstance(value, bool) else isinstance(value, allowed)


def _check_numbers(value: Any, name: str = "request") -> None:
    """Raise `EngineProtocolError` for a number that is not finite or has more than 64 bits."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_numbers(inner, key)
    elif isinstance(value, list):
        for inner in value:
            _check_numbers(inner, name)
    elif isinstance(value, (int, float)) and not _is_bounded(value):
        raise EngineProtocolError(
            f"Not a FillRequest: '{name}' must be a finite number of at most 64 bits."
        )


def _is_bounded(value: float) -> bool:
    return value.bit_length() < 64 if isinstance(value, int) else math.isfinite(value)
