"""The command `dgls.why`: why the last suggestion, or the one at a place, is shown or not."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from dgls.errors import InputError
from dgls.lsp.documents import Document
from dgls.lsp.requests import budget_of, fill_request
from dgls.lsp.server import DglsServer
from dgls.policy.ask import Moment, lines_wanted, why_not_ask
from dgls.policy.silence import Silence
from dgls.policy.why import Explanation, describe, explained, site_of
from dgls.protocol import Gap, Trigger
from dgls.sound.site import Asked, Purpose, Site
from dgls.syntax.cursor import Context, context_at
from dgls.syntax.languages import language_of
from dgls.text.spans import Span

WHY = "dgls.why"

_CANDIDATES = 4


def register(server: DglsServer) -> None:
    """Offer the command: without arguments the last suggestion, with a URI and a position that."""

    async def why(ls: DglsServer, *arguments: object) -> dict[str, Any] | None:
        found = await _at(ls, *arguments) if arguments else _last(ls)
        line = f"dgls: {ls.indicator.report.line}"
        text = f"{line}\n{describe(found)}" if found is not None else f"{line}\nNothing was asked."
        ls.show(text, types.MessageType.Info)
        return found.to_json() if found is not None else None

    server.command(WHY)(server.guarded(why))


def _last(server: DglsServer) -> Explanation | None:
    """The newest fill of this session."""
    if server.fills.last is None:
        return None
    request, reply = server.fills.last
    site = site_of(request, language_of(request.path, request.language))
    return explained(site, request, reply, threshold=server.settings.show.threshold)


async def _at(server: DglsServer, *arguments: object) -> Explanation:
    """What would be suggested at a place while typing; the model is asked for it."""
    document, cursor = _place(server, *arguments)
    server.check_permission(document)
    source = document.source
    if source is None:
        raise InputError("dgls has no grammar for this document; nothing was asked.")
    settings = server.settings_for(document)
    context = context_at(source, [Span(cursor, cursor)], budget_of(settings))
    opener, most = source.language.block_opener, settings.fill.max_lines
    gap = Gap(max_lines=lines_wanted(context.parts[0], context.line_tail, opener, most))
    request = fill_request(
        server, document, context, gap, WHY, Trigger.EXPLICIT, least_candidates=_CANDIDATES
    )
    reply = await (await server.model()).fill_insistently(request)
    site = Site.of(source, Span(cursor, cursor), Asked(Purpose.TYPED, gap.max_lines))
    return explained(
        site,
        request,
        reply,
        threshold=settings.show.threshold,
        silence=_silence(server, document, context),
    )


def _place(server: DglsServer, *arguments: object) -> tuple[Document, int]:
    """The document and the offset that the arguments name. Raises `InputError`."""
    uri, position = (*arguments, None)[:2]
    document = server.document(uri) if isinstance(uri, str) else None
    try:
        at = types.Position(int(_field(position, "line")), int(_field(position, "character")))
    except (TypeError, ValueError) as error:
        raise InputError(f"'{WHY}' takes a URI and a position; nothing was asked.") from error
    cursor = document.offset(at) if document is not None else None
    if document is None or cursor is None:
        raise InputError("There is no such place in an open document; nothing was asked.")
    return document, cursor


def _field(position: object, name: str) -> Any:
    """A field of a position, which arrives as an object or as a mapping."""
    return position.get(name) if isinstance(position, dict) else getattr(position, name, None)


def _silence(server: DglsServer, document: Document, context: Context) -> Silence | None:
    """Why nothing would be asked at the place while typing."""
    reason = server.why_silent(document, unasked=True)
    deleted = server.typists.of(document.uri).deleted_shown
    return reason or why_not_ask(Moment(context.line_head, context.line_tail, deleted))
