"""A canvas starts from the last draft of its document if typing agreed with it, and only then."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from dgls.checkpoint.loading import load_checkpoint
from dgls.errors import Stopped
from dgls.fill.canvas import CanvasFiller
from dgls.fill.proposals.warm_start import LastDrafts, started
from dgls.fill.stop import StopToken
from dgls.fill.strategy import Strategy
from dgls.inference.draft import CausalDraft
from dgls.inference.model import Model
from dgls.network.fused import FusedNetwork
from dgls.protocol import FillReply, FillRequest, Gap
from tests.support.checkpoints import save_tiny

torch.set_num_threads(1)

DRAFTED = FillRequest(("total = ", "\n"), path="a.py", client="editor")
TEXT = "sum(items)"


def typed(text: str, request: FillRequest = DRAFTED, **changes: Any) -> FillRequest:
    """The request after that text was typed."""
    prefix, suffix = request.parts
    fields = {"parts": (prefix + text, suffix), **changes}
    return dataclasses.replace(request, **fields)


@pytest.mark.parametrize(
    ("request_", "rest"),
    [
        pytest.param(typed("s"), "um(items)", id="one character"),
        pytest.param(typed("sum("), "items)", id="a word"),
        pytest.param(typed("sum(items)"), "", id="all of it"),
        pytest.param(typed(""), "", id="nothing: the same request has the same answer"),
        pytest.param(typed("len"), "", id="another text"),
        pytest.param(typed("sum(items)\n"), "", id="more than it"),
        pytest.param(typed("s", parts=("total =", "\n")), "", id="a deleted character"),
        pytest.param(typed("s", parts=("other = s", "\n")), "", id="another place"),
        pytest.param(typed("s", parts=("total = s", ")\n")), "", id="another suffix"),
        pytest.param(typed("s", path="b.py"), "", id="another document"),
        pytest.param(typed("s", client="other"), "", id="another editor"),
        pytest.param(typed("s", gaps=(Gap(max_lines=4),)), "", id="more lines"),
        pytest.param(typed("s", gaps=(Gap("old"),)), "", id="a text to rewrite"),
    ],
)
def test_the_rest_of_a_draft_follows_the_typed_text(request_: FillRequest, rest: str) -> None:
    drafts = LastDrafts()
    drafts.keep(DRAFTED, TEXT)
    assert drafts.rest(request_) == rest


def test_anonymous_drafts_and_those_of_several_gaps_are_not_kept() -> None:
    drafts = LastDrafts()
    nobody = dataclasses.replace(DRAFTED, client="")
    drafts.keep(nobody, TEXT)
    assert drafts.rest(typed("s", nobody)) == ""
    several = dataclasses.replace(DRAFTED, parts=("a", "b", "c"), gaps=(Gap(), Gap()))
    drafts.keep(several, TEXT)
    assert drafts.rest(several) == ""


def test_drafts_of_the_latest_documents_are_kept() -> None:
    drafts = LastDrafts()
    asked = [dataclasses.replace(DRAFTED, path=f"{number}.py") for number in range(100)]
    for each in asked:
        drafts.keep(each, TEXT)
    left = [drafts.rest(typed("s", each)) for each in asked]
    assert left == [""] * 36 + ["um(items)"] * 64


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    checkpoint = load_checkpoint(save_tiny(tmp_path_factory.mktemp("engine") / "tiny"))
    return Model(FusedNetwork(checkpoint.model), checkpoint.codec, checkpoint.metadata)


@pytest.fixture
def starts(model: Model, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The model drafts `TEXT`, and the initial texts of its canvases are recorded."""
    tokens = model.layout.target([TEXT])
    drafted = CausalDraft(tokens, (-0.1,) * len(tokens), ended=True)
    monkeypatch.setattr(model, "drafts", lambda *arguments: (drafted,))
    found: list[str] = []
    denoise = model.denoise

    def noting(prefix: Any, canvases: Any, strengths: Any, *rest: Any) -> Any:
        (canvas,) = canvases
        kept = any(canvas.seeded) and list(strengths) == [0.0]
        found.append(model.layout.texts(canvas, canvas.tokens)[0] if kept else "noise")
        return denoise(prefix, canvases, strengths, *rest)

    monkeypatch.setattr(model, "denoise", noting)
    return found


PLAN = Strategy(passes=0, noise=1, copies=0)


def fill(engine: CanvasFiller, request: FillRequest) -> FillReply:
    return engine.fill(
        dataclasses.replace(request, limits=dataclasses.replace(request.limits, candidates=9)),
        StopToken(),
    )


def test_the_canvas_starts_from_the_rest_of_the_draft(model: Model, starts: list[str]) -> None:
    engine = CanvasFiller(model, PLAN)
    first = fill(engine, DRAFTED)
    best = first.best.texts[0]
    reply = fill(engine, typed(best[:1]))
    assert starts == ["noise", best[1:]]
    assert "noise" not in {each.proposal for each in reply.candidates}


def test_only_the_first_canvas_starts_warm_and_only_if_enabled(
    model: Model, starts: list[str]
) -> None:
    for plan, expected in (
        (dataclasses.replace(PLAN, noise=2), ["noise", "noise", "um(items)", "noise"]),
        (dataclasses.replace(PLAN, warm=False), ["noise", "noise"]),
    ):
        starts.clear()
        engine = CanvasFiller(model, plan)
        engine._drafts.keep(DRAFTED, TEXT)
        fill(engine, dataclasses.replace(DRAFTED, client="other"))
        fill(engine, typed("s"))
        assert starts == expected


def test_the_draft_of_a_superseded_fill_is_kept(model: Model, starts: list[str]) -> None:
    engine = CanvasFiller(model, PLAN)
    stop = StopToken()
    with pytest.raises(Stopped):
        engine.fill(DRAFTED, stop, lambda draft: stop.stop("superseded"))
    fill(engine, typed("s"))
    assert starts[-1] == "um(items)"


def test_a_draft_too_long_for_its_slots_is_not_used(model: Model) -> None:
    canvas = model.layout.build(DRAFTED)
    slots = len(canvas.gaps[0])
    assert started(canvas, [9] * (slots + 1), model.pad) is None
    begun = started(canvas, [9] * slots, model.pad)
    assert begun is not None
    assert begun.pinned == canvas.pinned
    assert begun.prompt == canvas.prompt
