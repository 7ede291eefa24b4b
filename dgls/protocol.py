"""What a front-end asks of the engine, and the replies.

The types know nothing of LSP, torch or HTTP. They travel as JSON over the engine's socket
(`docs/protocol.md`); only `protocol_json.py` knows the format.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from dgls.errors import EngineProtocolError


class Trigger(StrEnum):
    """Why a fill is requested. Only a newer automatic request supersedes an older one."""

    AUTOMATIC = "automatic"
    EXPLICIT = "explicit"


@dataclass(frozen=True, slots=True)
class Gap:
    """One place to fill.

    `text` is its present text: empty at a cursor, not for a selection. `strength` is the share of
    `text` that is noised before it is denoised: 1.0 rewrites it, less repairs it. `max_lines`
    bounds the fill: 1 keeps it on the cursor's line.
    """

    text: str = ""
    strength: float = 1.0
    max_lines: int = 1


@dataclass(frozen=True, slots=True)
class Snippet:
    """Helpful text from elsewhere: another open file's outline, a recent edit."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a fill.

    `deadline_ms` counts from arrival at the engine; None means no deadline. With 0 `candidates` the
    prompt is only encoded, so that the next fill there is quicker. The model reads at most
    `prefix_chars` and `suffix_chars` of the document; None leaves that to the model.
    """

    deadline_ms: float | None = None
    candidates: int = 1
    prefix_chars: int | None = None
    suffix_chars: int | None = None


READ_AHEAD = Limits(candidates=0)
"""The prompt is encoded and nothing is filled."""


@dataclass(frozen=True, slots=True)
class FillRequest:
    """Fill every gap between the `parts` of a document.

    `parts` has one element more than `gaps`: `parts[0]` is the prefix, `parts[-1]` the suffix, and
    the others are the texts between gaps. The prefix begins at an anchored line start, so that
    typing extends it instead of sliding it (`dgls.syntax.cursor`). `client`, `path` and `method`
    together identify the older automatic request that this one supersedes. `around` is the text
    before the first gap and after the last one, more of it than `parts` hold. Copies are taken from
    it, and a model with room for it also reads it.
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
                "'around' needs one text before the gaps and one after them, not "
                f"{len(self.around)} "
                "texts; nothing was filled."
            )
        if self.instruction and not (len(self.gaps) == 1 and self.gaps[0].text.strip()):
            raise EngineProtocolError(
                "An 'instruction' needs one gap that holds the code to edit; nothing was changed."
            )


@dataclass(frozen=True, slots=True)
class Fill:
    """One candidate: a text for each gap, in order.

    `score` is the judge's summed log-probability in nats (higher is better). `confidence` is the
    calibrated probability in 0..1 that the fill is what the user wants. `proposal` is its origin:

    - "draft": the model's likeliest text, written from left to right
    - "beam": a beam search
    - "revised": a draft after denoise passes
    - "noise": denoised from noise
    - "kept": denoised from the rest of the document's last draft
    - "copied": a similar place of the document
    - "edit": the answer to an instruction

    `tokens` is its length without the ends of its gaps; 0 if the backend does not tell. `features`
    are the inputs of the confidence, by name, if the backend tells.
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
    """The candidates, best first (empty only if none was requested), and their cost.

    `complete` is False if a deadline ended the fill early with the best draft so far. `steps`
    counts denoise steps, or passes of the causal stream, which wrote `written` tokens; `passes`
    counts all forward passes of the model. `prompt_tokens` is the length of the causal prompt,
    `cached_tokens` the part of it that was not encoded again. `threshold` is the lowest confidence
    at which the model's fills should be shown unasked, fitted with it. `present` is the score of
    the gaps' present text; None if they are empty or it has no score. `note` is one sentence to
    show the user once, such as that another model fills for a server that is down.
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
"""How a draft was made: on a canvas, or token by token with verified drafts."""


@dataclass(frozen=True, slots=True)
class LastFill:
    """The engine's last fill, kept in memory for `dgls why`.

    `age_s` is its age in seconds.
    """

    request: FillRequest
    reply: FillReply
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Draft:
    """The complete text after one denoise step or one pass: `texts` as in `Fill`.

    For the kind "denoised", `tokens` are those at the open canvas positions, in order, and
    `accepted` tells which of them the sampler accepted. For the kind "written", `tokens` are those
    of the pass: first the written ones, which are `accepted`, then the refused drafts. `ahead` are
    the drafts that the next pass reads, which it may refuse.
    """

    step: int
    texts: tuple[str, ...]
    tokens: tuple[str, ...] = ()
    accepted: tuple[bool, ...] = ()
    kind: str = DENOISED
    ahead: tuple[str, ...] = ()


OnProgress = Callable[[float, str], None]
"""Called while a model loads, with the share that is done (0 to 1) and the current task."""

OnDraft = Callable[[Draft], None]
"""Called with each draft: after a denoise step, or after a pass of a causal model.

In the engine it is called from the fill's thread.
"""


class EngineState(StrEnum):
    """The state of an engine between its start and its first fill."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Health:
    """The engine's report on itself.

    `percent` (0..100) is how much of the model is loaded; `message` is the current task or, in the
    state "failed", one sentence with the reason. `kind` is then the error's class in `dgls.errors`,
    as in a failed reply. `device` is where the model runs, empty if the backend does not tell;
    `cores` is the number of CPU cores it uses, 0 on other devices. `languages` are those that the
    model was trained on; empty means all. `models` is the folder of fetched models that the engine
    uses.
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
    models: str = ""
