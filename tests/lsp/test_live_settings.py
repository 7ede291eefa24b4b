"""Every live setting takes effect from the next keystroke on, whatever its source."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from dgls.config import DECLARED
from dgls.counts import counts_file
from dgls.errors import ModelNotFoundError
from dgls.lsp.fills import AHEAD_AFTER_S
from dgls.requests import neighbours
from tests.lsp.session import (
    URI,
    ScriptedFiller,
    Session,
    initialized,
    place,
    reply,
    until,
)


@pytest.fixture
def live(tmp_path: Path) -> Callable[..., None]:
    """Writes settings into the user's own file, as a person would while the editor runs.

    Either one by its full name and value, or those of a section by their own names.
    """
    file = tmp_path / "config" / "dgls" / "dgls.toml"
    file.parent.mkdir(parents=True)

    def write(name: str, value: object = None, **values: object) -> None:
        section, _, key = name.partition(".")
        said = values if value is None else {key: value}
        lines = [f"{key} = {json.dumps(value)}" for key, value in said.items()]
        file.write_text("\n".join([f"[{section}]", *lines, ""]))

    return write


TEXT = "value = \nother = 1\n"

# What shows in the next request or answer, by the name of the setting.
REQUESTED: dict[str, tuple[object, Callable[[Any], object], object]] = {
    "fill.automatic_deadline_ms": (700, lambda asked: asked.limits.deadline_ms, 700.0),
    "fill.candidates": (3, lambda asked: asked.limits.candidates, 3),
    "fill.max_lines": (7, lambda asked: asked.gaps[0].max_lines > 0, True),
    "fill.prefix_chars": (100, lambda asked: len(asked.parts[0]) <= 100, True),
    "fill.suffix_chars": (5, lambda asked: len(asked.parts[-1]) <= 12, True),
}
SILENT: dict[str, object] = {
    "show.automatic": False,
    "show.languages_off": ["python"],
    "show.files_off": ["*.py"],
    "show.threshold": 0.99,
    "privacy.secrets": ["example.*"],
    "privacy.trusted": False,
}
OTHER_ENGINE = {
    "model.name": "other",
    "model.device": "cpu",
    "model.threads": 3,
    "model.quantization": "none",
    "model.lora": "off",
    "model.batch": 2,
    "model.cache_mb": 7,
    "engine.backend": "vllm",
    "engine.folder": "/tmp/elsewhere",
    "engine.idle_seconds": 5.0,
    "engine.start_seconds": 5.0,
    "engine.max_request_bytes": 5000,
    "engine.max_waiting": 5,
    "remote.url": "http://127.0.0.1:1",
    "remote.model": "x",
    "remote.key_file": "/tmp/key",
    "remote.key_variable": "KEY",
    "remote.timeout_seconds": 3.0,
    "remote.concurrency": 2,
    "remote.fallback": True,
    "denoise.adapter": "off",
    "denoise.steps": 3,
    "denoise.canvas": 64,
    "denoise.entropy_bound": 0.5,
    "denoise.temperature_start": 0.9,
    "denoise.temperature_end": 0.5,
    "denoise.stop_entropy": 0.01,
    "denoise.stop_steps": 2,
}
OTHER = "file:///code/project/other.py"


async def asked_for(session: Session, **options: Any) -> Any:
    """The request of the next fill, at the end of the first line, after one more key."""
    line = session.server.documents.now[URI].text.split("\n")[0]
    session.filler.requests.clear()
    await session.changed(0, len(line), "a")
    await session.ask(0, len(line) + 1, **options)
    return session.filler.requests[0]


async def deadline(session: Session) -> object:
    return (await asked_for(session, invoked=True)).limits.deadline_ms


async def waits(session: Session) -> object:
    begun = time.monotonic()
    await asked_for(session)
    return time.monotonic() - begun > 0.4


async def waits_in_a_word(session: Session) -> object:
    await session.open("total = \n")
    await session.changed(0, 8, "t")
    begun = time.monotonic()
    await session.ask(0, 9)
    return time.monotonic() - begun > 0.15


async def fills_ahead(session: Session) -> object:
    await asked_for(session)
    await asyncio.sleep(3 * AHEAD_AFTER_S)
    return len(session.filler.requests) > 1


async def offers_in_the_menu(session: Session) -> object:
    params = types.CompletionParams(types.TextDocumentIdentifier(URI), place(0, 8))
    found = await session.client.text_document_completion_async(params)
    assert isinstance(found, types.CompletionList)
    return bool(found.items)


async def sent_of_others(session: Session) -> object:
    return sorted(snippet.text for snippet in (await asked_for(session)).snippets)


async def counted(session: Session) -> object:
    for _ in range(20):
        await asked_for(session)
    written = counts_file().exists()
    counts_file().unlink(missing_ok=True)
    return written


async def offers_other_places(session: Session) -> object:
    """Whether the use of a parameter is offered, after its declaration was renamed."""
    uri = "file:///code/project/renamed.py"
    await session.open("def f(old):\n    return old\n", uri)
    await session.changed(0, 6, "new", 9, uri=uri)
    params = types.CodeActionParams(
        text_document=types.TextDocumentIdentifier(uri),
        range=types.Range(start=place(0, 0), end=place(0, 0)),
        context=types.CodeActionContext(diagnostics=[]),
    )
    found = await session.client.text_document_code_action_async(params)
    return any("other place" in action.title for action in found or ())


async def edits_with_a_folder(session: Session) -> object:
    """Whether the folder in the setting becomes the model that edits."""
    await asked_for(session)
    with contextlib.suppress(ModelNotFoundError):
        await (await session.server.context()).editing_model().warm_up()
    opened = session.filler.settings
    return opened is not None and opened.model.name == "/no/model"


async def asks_another_model(session: Session) -> object:
    """The name of the model that the next explicit request reaches."""
    await asked_for(session, invoked=True)
    assert session.filler.settings is not None
    return session.filler.settings.model.name


EDITED, OUTLINE = "changed = 1", "def other():\n"

# An action at the next keystroke, and its result before and after a setting is changed.
DONE: dict[str, tuple[object, Callable[[Session], Awaitable[object]], object, object]] = {
    "fill.explicit_deadline_ms": (900, deadline, 20_000.0, 900.0),
    "fill.explicit_model": ("/no/model", asks_another_model, "auto", "/no/model"),
    "typing.shortest_delay_ms": (450, waits, False, True),
    "typing.longest_delay_ms": (1, waits_in_a_word, True, False),
    "typing.prefetch": (False, fills_ahead, True, False),
    "typing.completion_list": ("always", offers_in_the_menu, False, True),
    "context.edits": (False, sent_of_others, [EDITED, OUTLINE], [OUTLINE]),
    "context.outlines": (False, sent_of_others, [EDITED, OUTLINE], [EDITED]),
    "context.chars": (5, sent_of_others, [EDITED, OUTLINE], []),
    "edits.enabled": (False, offers_other_places, True, False),
    "edits.model": ("/no/model", edits_with_a_folder, False, True),
    "privacy.counts": (False, counted, True, False),
}
BEFORE: dict[str, dict[str, object]] = {
    "typing.shortest_delay_ms": {"shortest_delay_ms": 0, "longest_delay_ms": 500},
    "typing.longest_delay_ms": {"shortest_delay_ms": 0, "longest_delay_ms": 500},
    "context.chars": {"chars": 4000},
    "context.edits": {"chars": 4000},
    "context.outlines": {"chars": 4000},
}


def test_every_setting_has_a_live_test() -> None:
    tried = {*REQUESTED, *SILENT, *OTHER_ENGINE, *DONE}
    assert tried == set(DECLARED)


LIVE: dict[str, object] = {
    **{name: value for name, (value, *_) in (REQUESTED | DONE).items()},
    **SILENT,
    **OTHER_ENGINE,
}


@pytest.mark.parametrize("way", ["pushed", "asked for", "project"])
async def test_every_setting_changes_live_from_every_source(
    filler: ScriptedFiller, tmp_path: Path, way: str
) -> None:
    async def say(name: str, value: object) -> None:
        section, _, key = name.partition(".")
        if way == "project":
            text = f"[{section}]\n{key} = {json.dumps(value)}\n"
            (tmp_path / "dgls.toml").write_text(text, encoding="utf-8")
            return
        settings = None if way == "asked for" else {"dgls": {section: {key: value}}}
        session.client.set_configuration({section: {key: value}}, section="dgls")
        told = types.DidChangeConfigurationParams(settings)
        session.client.workspace_did_change_configuration(told)

    def now(name: str) -> object:
        value = session.server.rules.settings.value(name)
        return list(value) if isinstance(value, tuple) else value

    asks = way == "asked for"
    async with initialized(filler, root=tmp_path.as_uri(), configuration=asks) as session:
        for name, value in LIVE.items():
            declared = DECLARED[name]
            before = now(name)
            await say(name, value)
            if way != "project" or (declared.project and not declared.only_lower):
                await until(lambda name=name, value=value: now(name) == value)  # type: ignore[misc]
            else:
                # A project cannot raise a limit or choose what runs.
                assert now(name) == (min(before, value) if declared.only_lower else before)  # type: ignore[type-var]


@pytest.mark.parametrize("content", ["[show", "\x00", "show = 3", "[show]\nthreshold = 7", None])
async def test_a_broken_settings_file_is_reported_and_works_again_when_fixed(
    filler: ScriptedFiller, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "dgls.toml"
    file.write_text("[show]\nautomatic = false\n")
    filler.answer = lambda request: reply("yes()")
    uri = (tmp_path / "a.py").as_uri()
    async with initialized(filler, root=tmp_path.as_uri()) as session:
        await session.open("x = \n", uri=uri)
        assert not await session.ask(0, 4, uri=uri)
        if content is None:
            file.unlink()
            file.mkdir()
        else:
            file.write_text(content)
        assert await session.ask(0, 4, uri=uri)
        assert (content is None) is not any(
            "dgls.toml" in told.message for told in session.client.messages
        )
        if content is None:
            file.rmdir()
        file.write_text("[show]\nautomatic = false\n")
        assert not await session.ask(0, 4, uri=uri)


@pytest.mark.parametrize("name", REQUESTED)
async def test_a_live_setting_applies_to_the_next_request(
    session: Session, live: Callable[..., None], name: str
) -> None:
    value, seen, expected = REQUESTED[name]
    await session.open("filler = 1\n" * 40 + TEXT)
    await session.ask(40, 8)
    live(name, value)
    await session.changed(40, 8, "a")
    await session.ask(40, 9)
    assert seen(session.filler.requests[-1]) == expected


@pytest.mark.parametrize("name", SILENT)
async def test_a_live_setting_silences_the_next_answer_and_the_screen(
    session: Session, live: Callable[..., None], name: str
) -> None:
    session.filler.answer = lambda request: reply("total(other)", confidence=0.9)
    await session.open(TEXT)
    assert await session.ask(0, 8)
    live(name, SILENT[name])
    assert not await session.ask(0, 8)
    await session.changed(0, 8, "t")
    assert not await session.ask(0, 9)
    live(name, DECLARED[name].default if DECLARED[name].kind is not tuple else [])
    await session.changed(0, 9, "o")
    assert await session.ask(0, 10)


@pytest.mark.parametrize("name", OTHER_ENGINE)
async def test_a_live_engine_setting_reconnects(
    session: Session, live: Callable[..., None], name: str
) -> None:
    await session.open(TEXT)
    await session.ask(0, 8)
    before = session.server.model
    live(name, OTHER_ENGINE[name])
    await session.changed(0, 8, "a")
    await session.ask(0, 9)
    assert session.server.model is not before
    assert session.filler.settings is not None
    assert session.filler.settings.value(name) == OTHER_ENGINE[name]


@pytest.mark.parametrize("name", ["Python", "py", "PYTHON3", "python-mode"])
async def test_a_language_is_off_by_each_of_its_names(
    session: Session, live: Callable[..., None], name: str
) -> None:
    session.filler.answer = lambda request: reply("total")
    live("show.languages_off", [name])
    await session.open(TEXT)
    assert not await session.ask(0, 8)
    live("show.languages_off", ["Rust"])
    assert await session.ask(0, 8)


@pytest.mark.parametrize("name", DONE)
async def test_a_live_setting_applies_from_the_next_keystroke(
    session: Session, live: Callable[..., None], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Neighbours are searched for a few milliseconds, which may not suffice on a busy machine.
    monkeypatch.setattr(neighbours, "MAX_MS", 5_000.0)
    value, done, before, after = DONE[name]
    session.filler.answer = lambda request: reply("total")
    live(name, **BEFORE.get(name, {}))
    await session.open(f"def other():\n    {EDITED[:-1]}\n", uri=OTHER)
    await session.changed(1, len(f"    {EDITED}") - 1, "1", uri=OTHER)
    await session.open(TEXT)
    session.version = 1
    assert await done(session) == before
    live(name, **{**BEFORE.get(name, {}), name.partition(".")[2]: value})
    assert await done(session) == after
