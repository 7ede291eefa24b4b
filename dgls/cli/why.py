"""`dgls why`: why the last suggestion, or the one at a place, is shown or not."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgls.cli.job import Asked, Job, job_of
from dgls.cli.options import AsJson, Language, ModelName
from dgls.cli.private import AllowPrivate, check_readable
from dgls.cli.target import STANDARD_INPUT, parse_target
from dgls.errors import DglsError, EngineUnavailableError, InputError

if TYPE_CHECKING:
    from dgls.config import Resolved, Settings
    from dgls.policy.silence_reasons import Silence
    from dgls.policy.why import Explanation
    from dgls.protocol import Health, LastFill
    from dgls.requests.builder import Asker
    from dgls.syntax.cursor import Context


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command()(why)


def why(
    places: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE:LINE:COL]...",
            help="The places to explain, as in `dgls fill`; by default the engine's last fill.",
        ),
    ] = None,
    as_json: AsJson = False,
    features: Annotated[
        bool,
        typer.Option(
            "--features", help="Also print the numbers from which each confidence is computed."
        ),
    ] = False,
    language: Language = None,
    model: ModelName = None,
    allow_private: AllowPrivate = False,
) -> None:
    """Explain the last suggestion, or one at a place: why it is shown or not.

    The engine keeps only its last fill in memory, from an editor or from the terminal.
    """
    from dgls.cli.asking import resolved_with, settings_when_explicit
    from dgls.policy.describe import describe

    resolved = resolved_with(model)
    explicit_settings = settings_when_explicit(resolved, model)
    if places:
        for name in {parse_target(each).file for each in places} - {STANDARD_INPUT}:
            check_readable(Path(name), resolved, allow=allow_private)
        job = job_of(Asked(places, language=language), explicit_settings.fill)
        found = asyncio.run(_at(resolved, explicit_settings, job))
        about = ", ".join(places)
    else:
        found, age_s = asyncio.run(_last(resolved.settings, explicit_settings))
        about = f"{found.request.path or 'unnamed text'}, {age_s:.0f} s ago"
        about += _trigger_of(found)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        typer.echo(f"{about}\n{describe(found, features=features)}")


def _trigger_of(found: Explanation) -> str:
    """The trigger of the last fill."""
    from dgls.protocol import Trigger

    return " (asked for)" if found.request.trigger is Trigger.EXPLICIT else " (while typing)"


async def _last(settings: Settings, explicit_settings: Settings) -> tuple[Explanation, float]:
    """The newest fill of either engine, and its age in seconds."""
    from dgls.client import EngineClient
    from dgls.policy.why import explained_last
    from dgls.syntax.languages import language_of

    found: list[LastFill] = []
    why_none: DglsError = EngineUnavailableError(
        "No engine is running, so there is no last suggestion. Name a place: dgls why "
        "FILE:LINE:COL."
    )
    for each in dict.fromkeys((settings, explicit_settings)):
        async with EngineClient(each) as client:
            try:
                found += filter(None, [await client.last()])
            except InputError as error:
                why_none = error
    if not found:
        raise why_none
    last = min(found, key=lambda each: each.age_s)
    request = last.request
    language = language_of(request.path, request.language)
    threshold = settings.show.threshold
    return explained_last(request, last.reply, language, threshold), last.age_s


async def _at(resolved: Resolved, explicit_settings: Settings, job: Job) -> Explanation:
    """What `dgls fill` would give at its places; at a cursor also what an editor would suggest.

    `explicit_settings` are those of the engine for explicit requests.
    """
    from dgls.cli.asking import ask, asker_of
    from dgls.policy.why import explained_when_asked
    from dgls.requests.builder import limits_of

    asker = asker_of(job.file.name, job.source, resolved, "why")
    if job.cursor is not None:
        return await _at_cursor(resolved, explicit_settings, job, job.cursor, asker)
    request = job.task.request(asker, limits_of(resolved.settings.fill))
    reply = await ask(explicit_settings, request)
    return explained_when_asked(request, reply, lambda fill: job.judge(fill, reply.present))


async def _at_cursor(
    resolved: Resolved, explicit_settings: Settings, job: Job, cursor: int, asker: Asker
) -> Explanation:
    """What an editor would suggest at a cursor during typing, and on request."""
    from dgls.cli.asking import ask, loading
    from dgls.client import EngineClient
    from dgls.policy.show import shown_when_explicit
    from dgls.policy.why import explained
    from dgls.protocol import Trigger
    from dgls.requests.builder import Task, limits_of
    from dgls.sound.site import Purpose

    settings = resolved.settings
    automatic, explicit = (
        Task.at_cursor(job.source, cursor, settings.fill, purpose)
        for purpose in (Purpose.AUTOMATIC, Purpose.EXPLICIT)
    )
    typing = replace(asker, trigger=Trigger.AUTOMATIC)
    request = automatic.request(typing, limits_of(settings.fill, Trigger.AUTOMATIC))
    async with EngineClient(settings) as client:
        await client.wait_ready(loading())
        reply = await client.fill(request)
        health = await client.health()
    explicit_reply = await ask(explicit_settings, explicit.request(asker, limits_of(settings.fill)))
    language = job.source.language.id
    found = explained(
        automatic.site,
        request,
        reply,
        threshold=settings.show.threshold,
        silence=_silence(resolved, job.file.name, language, automatic.context, health),
    )
    return found.when_asked(shown_when_explicit(explicit.site, explicit_reply.candidates))


def _silence(
    resolved: Resolved, name: str, language: str, context: Context, health: Health | None
) -> Silence | None:
    """Why an editor would not ask at a place; None if it would."""
    from dgls.cli.private import rules
    from dgls.lsp.permission import Permission
    from dgls.policy.ask import Moment, why_not_ask
    from dgls.policy.silence_reasons import Silence

    path, folder = os.path.abspath(name), Path.cwd()
    folders = (folder,) if Path(path).is_relative_to(folder) else ()
    if name != STANDARD_INPUT:
        off = Permission().why_off(path, language, folders, resolved.settings.show)
        reason = rules(resolved).why_not(path) or off
        if reason is not None:
            return reason
    if health is not None and health.languages and language not in health.languages:
        return Silence.UNTRAINED
    return why_not_ask(Moment(context.line_head, context.line_tail))
